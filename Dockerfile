# One image for the api, the worker and the projector; docker-compose.temporal.yml names the command of each.
FROM python:3.11.14-slim-bookworm
RUN useradd --system --create-home boxoffice
WORKDIR /app
COPY requirements.txt pyproject.toml README.md settings.py worker.py projector.py ./
COPY activities activities
COPY adapters adapters
COPY api api
COPY cli cli
COPY devstack devstack
COPY domain domain
COPY relay relay
COPY workflows workflows
# requirements.txt pins; as a constraint it does not bring the development tools along.
RUN pip install --no-cache-dir --constraint requirements.txt .
USER boxoffice
EXPOSE 8000
CMD ["python", "-m", "api.main"]
