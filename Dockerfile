# Two stages: the wheel is built in the first, and the second holds nothing but Python, the pinned packages and the wheel.
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY app ./app
COPY migrations ./migrations
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY .requirements.lock /tmp/requirements.lock
RUN pip install --requirement /tmp/requirements.lock && rm /tmp/requirements.lock
COPY --from=build /wheels /tmp/wheels
RUN pip install --no-deps /tmp/wheels/*.whl && rm -r /tmp/wheels \
    && useradd --system --uid 10001 --no-create-home --home-dir /nonexistent makegood
USER 10001
WORKDIR /tmp
EXPOSE 8000
# A worker alone serves nothing: give its container another check, or none.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["makegood"]
CMD ["serve", "--host", "0.0.0.0"]
