# citechat with its model: it starts without a network and without loading torch.
#
#   docker build -t citechat --build-arg PIP_EXTRA_INDEX_URL=ADDRESS .
#
# ADDRESS is PyTorch's CPU index, listed on PyTorch's "Get started" page; without it, pip installs a build of torch with
# CUDA (several GB). EXTRAS names optional dependencies in pyproject.toml, such as postgresql,ollama,mcp.

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
# Export the model during the build, where ten seconds for torch do not matter; if the export fails, the build fails.
RUN /opt/citechat/bin/python -c "from pathlib import Path; from index import load_encoder; \
folder = Path('/var/lib/citechat/models'); load_encoder(exports=folder).query('export'); assert any(folder.iterdir())"

FROM python:3.11-slim
# tini forwards signals and reaps orphaned parser processes.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 citechat \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/citechat --no-create-home --shell /usr/sbin/nologin citechat
COPY --from=build /opt/citechat /opt/citechat
# A new named volume begins as a copy of this folder; everything else in the image except /tmp can be read-only.
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
# SIGTERM stops the chat after running answers have finished, after at most 15 seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "citechat"]
CMD ["chat", "--no-browser", "--host", "0.0.0.0", "--port", "7860"]
