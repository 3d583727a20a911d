# citechat with its model inside: it starts without a network, and without torch being loaded.
#
#   docker build -t citechat --build-arg PIP_EXTRA_INDEX_URL=ADDRESS .
#
# ADDRESS is that of PyTorch's CPU index, which stands on PyTorch's "Get started" page; without it pip installs the build
# of torch that carries CUDA, several GB. EXTRAS names optional parts of pyproject.toml, such as postgresql,ollama,mcp.

FROM python:3.11-slim AS build
ARG PIP_EXTRA_INDEX_URL=
ARG EXTRAS=postgresql
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/citechat
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY index index
COPY rag rag
COPY ui ui
RUN /opt/citechat/bin/pip install -c constraints.txt ".[${EXTRAS}]"
# The model is exported here, where torch may take its ten seconds; where it cannot be, the build fails.
RUN /opt/citechat/bin/python -c "from pathlib import Path; from index import load_encoder; \
folder = Path('/var/lib/citechat/models'); load_encoder(exports=folder).query('export'); assert any(folder.iterdir())"

FROM python:3.11-slim
# tini passes signals on, and reaps what the processes that read files leave behind.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 citechat \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/citechat --no-create-home --shell /usr/sbin/nologin citechat
COPY --from=build /opt/citechat /opt/citechat
# A named volume that is new begins as a copy of this folder; all else of the image may be read-only, but for /tmp.
COPY --from=build --chown=10001:10001 /var/lib/citechat /var/lib/citechat
ENV PATH=/opt/citechat/bin:$PATH \
    HOME=/var/lib/citechat \
    CITECHAT_HOME=/var/lib/citechat \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HUB_OFFLINE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/citechat
VOLUME /var/lib/citechat
USER 10001:10001
EXPOSE 7860
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
# SIGTERM ends the chat when the answers that are being given are finished, after 15 seconds at most.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "citechat"]
CMD ["chat", "--no-browser", "--host", "0.0.0.0", "--port", "7860"]
