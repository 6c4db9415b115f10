# One image for the api, the workers and the projector; docker-compose.temporal.yml names the command of each.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
# The locked packages first: they change less often than the code. Every hash is checked. `pip` and the tools that build
# the wheel stay in this stage.
COPY requirements-production.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/boxoffice
RUN pip --python /opt/boxoffice/bin/python install --no-cache-dir --require-hashes --requirement requirements-production.txt
RUN pip install --no-cache-dir --require-hashes --requirement requirements-build.txt
COPY pyproject.toml README.md LICENSE worker.py projector.py ./
COPY activities activities
COPY adapters adapters
COPY api api
COPY assembly assembly
COPY cli cli
COPY devstack devstack
COPY domain domain
COPY relay relay
COPY settings settings
COPY workflows workflows
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist .
RUN pip --python /opt/boxoffice/bin/python install --no-cache-dir --no-deps dist/boxoffice-0.2.0-py3-none-any.whl

FROM python:3.11.14-slim-bookworm
RUN python -m pip uninstall --yes --root-user-action ignore pip setuptools wheel
RUN useradd --system --uid 10001 boxoffice && install --directory --owner boxoffice /var/lib/boxoffice
COPY --from=build /opt/boxoffice /opt/boxoffice
ENV PATH=/opt/boxoffice/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000
CMD ["python", "-m", "api.main"]
