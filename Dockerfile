# Perch in one image: a laptop, a KubeRay pod and an Apptainer container run the same files.
# Layers go from slow to fast (system, torch, Ray and PyG, Dragonfly's environment, Perch), so a change of code rebuilds seconds.
# docs/image.md says what each accelerator needs and what is left out.

# The base. A release pins it by digest: --build-arg BASE=docker.io/library/debian@sha256:…
ARG BASE=docker.io/library/debian:bookworm-slim
ARG UV_VERSION=0.13.9

# ── tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
# uv and, from the lock, one list of pinned and hashed packages per slow layer. Nothing of this stage is in the image.
FROM ${BASE} AS tools
ARG UV_VERSION
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends ca-certificates python3 python3-venv >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install -q --no-cache-dir "uv==${UV_VERSION}"
WORKDIR /lock
COPY pyproject.toml uv.lock ./
# cuda: what PyPI offers and the lock pins. cpu, rocm: torch's own index (TORCH_INDEX), since PyPI has no such build for Linux.
ARG ACCELERATOR=cuda
# triton compiles kernels for torch.compile, which no model here uses: a gigabyte less.
RUN /opt/uv/bin/uv export -q --frozen --no-dev --all-extras --no-emit-project --no-annotate --no-header -o all.txt \
    && awk -v accelerator="${ACCELERATOR}" ' \
      /^[^ ]/ { into = "packages.txt"; \
                if ($0 ~ /^(torch|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==/) into = accelerator == "cuda" ? "torch.txt" : "left-out.txt"; \
                if ($0 ~ /^triton==/) into = "left-out.txt"; \
                if ($0 ~ /^torch==/ && accelerator != "cuda") { split($0, part, " "); print part[1] > "torch.txt" } } \
      { print > into }' all.txt

# ── wheel ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
# Perch itself, built once; the source tree is not in the image.
FROM tools AS wheel
WORKDIR /source
COPY LICENSE README.md pyproject.toml ./
COPY app/perch app/perch
COPY app/dragonfly app/dragonfly
RUN --mount=type=cache,target=/root/.cache/uv /opt/uv/bin/uv build -q --wheel --python python3 --out-dir /wheel

# ── dragonfly ───────────────────────────────────────────────────────────────────────────────────────────────────────────
# Dragonfly needs a numpy of its own, so it has an environment of its own and is spoken to over a pipe.
FROM tools AS dragonfly
WORKDIR /source
COPY app/dragonfly/pyproject.toml app/dragonfly/uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    UV_PROJECT_ENVIRONMENT=/opt/perch/dragonfly /opt/uv/bin/uv sync -q --frozen --compile-bytecode --link-mode copy --python python3 \
    && find /opt/perch/dragonfly/lib -type d -name tests -prune -exec rm -rf {} + \
    && /opt/perch/dragonfly/bin/python -W ignore -c 'import dragonfly'
COPY app/dragonfly/*.py /opt/perch/dragonfly/

# ── the image ───────────────────────────────────────────────────────────────────────────────────────────────────────────
FROM ${BASE} AS image
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends bash ca-certificates libgomp1 procps python3 tini >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m compileall -q /usr/lib/python3.11 \
    && mkdir /opt/lock

# torch and what CUDA it needs: minutes, so uv says what it fetches. Headers, static archives, the multi-GPU solver and the device code of NVSHMEM serve compilers and
# programs that are not here.
COPY --from=tools /lock/torch.txt /opt/lock/
ARG TORCH_INDEX=https://pypi.org/simple
# hadolint ignore=DL3003
RUN --mount=type=bind,from=tools,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv venv -q --no-cache --python python3 /opt/perch \
    && /opt/uv/bin/uv pip install --no-cache --no-deps --compile-bytecode --link-mode copy --python /opt/perch/bin/python \
         --index-url "${TORCH_INDEX}" -r /opt/lock/torch.txt \
    && cd /opt/perch/lib/python3.11/site-packages \
    && rm -rf torch/include nvidia/*/include nvidia/*/lib/*.a nvidia/*/lib/*.bc nvidia/cu*/lib/libcusolverMg.so* nvidia/cu*/lib/libnvperf_*

# Ray, PyG and every other locked package.
COPY --from=tools /lock/packages.txt /opt/lock/
# hadolint ignore=DL3003
RUN --mount=type=bind,from=tools,source=/opt/uv,target=/opt/uv --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv pip install --no-deps --compile-bytecode --link-mode copy --require-hashes --python /opt/perch/bin/python \
      -r /opt/lock/packages.txt \
    && cd /opt/perch/lib/python3.11/site-packages \
    && rm -rf ray/jars ray/cpp pyarrow/include \
    && find pandas scipy numpy sympy matplotlib pyarrow -type d -name tests -prune -exec rm -rf {} +

# Dragonfly's environment.
COPY --from=dragonfly /opt/perch/dragonfly /opt/perch/dragonfly

# Environments of training programs are made with this Python: `python3 -m venv` needs pip's wheel.
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null \
    && rm -rf /var/lib/apt/lists/*

# Perch. The wheel is copied, not mounted: podman's cache of layers does not look at what a mount holds, and would keep old code.
COPY --from=wheel /wheel /opt/wheel
RUN --mount=type=bind,from=tools,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv pip install --no-cache --no-deps --compile-bytecode --link-mode copy --python /opt/perch/bin/python /opt/wheel/*.whl \
    && rm -rf /opt/wheel

# Any user, a read-only root, nothing in a home: whatever is written goes to /tmp or to where it was asked to go.
ENV PATH=/opt/perch/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    XDG_CACHE_HOME=/tmp/cache \
    RAY_USAGE_STATS_ENABLED=0
WORKDIR /tmp
USER 1000:0

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
ARG ACCELERATOR=cuda
LABEL org.opencontainers.image.title="perch" \
      org.opencontainers.image.description="Hyperparameter tuning of neural networks for atomistic science on Ray: laptop, Slurm, Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.perch.accelerator="${ACCELERATOR}"

ENTRYPOINT ["/usr/bin/tini", "--", "perch"]
CMD ["--help"]
