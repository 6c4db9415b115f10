# One image for the api, the worker and the projector; docker-compose.temporal.yml names the command of each.
FROM python:3.11.14-slim-bookworm
RUN useradd --system --create-home boxoffice
WORKDIR /app
# The locked packages first: they change less often than the code. Every hash is checked.
COPY requirements-production.txt ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements-production.txt
COPY pyproject.toml README.md LICENSE worker.py projector.py ./
COPY activities activities
COPY adapters adapters
COPY api api
COPY cli cli
COPY devstack devstack
COPY domain domain
COPY relay relay
COPY settings settings
COPY workflows workflows
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
USER boxoffice
EXPOSE 8000
CMD ["python", "-m", "api.main"]
