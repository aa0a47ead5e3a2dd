# The broker's image: one binary, the libraries that it needs, and nothing else. docs/docker.md says how to use it.
#
#   docker build -t broker .
#
# Works with BuildKit and with the older builder. Every image and every mirror can be another one:
#
#   --build-arg REGISTRY=registry.example/   stands before the name of the image, with its slash
#   --build-arg RUST_IMAGE=...               the whole name of it: Debian 12 or newer with Rust 1.95 or newer
#   --build-arg APT_MIRROR=https://...       Debian's packages, for what that image lacks
#   --build-arg CARGO_MIRROR=sparse+https:// the index of the crates
#
# With crates in a folder `vendor` (`cargo vendor --locked vendor`) no network is needed: add --network=none.

ARG REGISTRY=
ARG RUST_IMAGE=${REGISTRY}rust:1.95-slim-bookworm

# The workspace with empty sources: as long as this stays the same, dependencies are not built again.
FROM ${RUST_IMAGE} AS skeleton
WORKDIR /skeleton
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY crates crates
COPY tests tests
COPY xtask xtask
RUN find crates -type f ! -name Cargo.toml ! -name build.rs -delete && find . -type d -empty -delete \
    && printf '//! Empty.\nfn main() {}\n' | tee $(find crates -name build.rs) \
    && for manifest in $(find crates tests xtask -name Cargo.toml); do \
        folder=$(dirname "$manifest")/src && mkdir "$folder" \
        && if grep -q '^\[\[bin\]\]' "$manifest"; then printf '//! Empty.\nfn main() {}\n' > "$folder/main.rs"; \
           else echo '//! Empty.' > "$folder/lib.rs"; fi; \
    done

FROM ${RUST_IMAGE} AS build
ARG APT_MIRROR=
RUN if [ -n "$APT_MIRROR" ]; then \
        . /etc/os-release && rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* \
        && echo "deb $APT_MIRROR $VERSION_CODENAME main" > /etc/apt/sources.list; \
    fi
# For the C code of the allocator, of TLS and of compression, and for the authorities that TLS trusts.
RUN if ! command -v cc make || [ ! -s /etc/ssl/certs/ca-certificates.crt ]; then \
        apt-get update \
        && apt-get install --yes --no-install-recommends gcc libc6-dev make ca-certificates \
        && rm -rf /var/lib/apt/lists/*; \
    fi

# The lock file is there so that a build without `vendor` copies something, too.
ARG CARGO_MIRROR=
COPY Cargo.lock vendo[r] /vendor/
RUN config="${CARGO_HOME:=$HOME/.cargo}/config.toml" && mkdir -p "$CARGO_HOME" \
    && if [ -n "$(find /vendor -mindepth 1 -maxdepth 1 -type d)" ]; then \
        printf '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "/vendor"\n[net]\noffline = true\n'; \
    elif [ -n "$CARGO_MIRROR" ]; then \
        printf '[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "%s"\n' "$CARGO_MIRROR"; \
    fi >> "$config"

# `line-tables-only` or `full` for a debugger; without it a panic or a profile still names functions.
ARG DEBUG_INFO=none
ENV CARGO_PROFILE_RELEASE_DEBUG=${DEBUG_INFO} CARGO_TARGET_DIR=/target
WORKDIR /skeleton
COPY --from=skeleton /skeleton ./
RUN cargo build --release --locked --package broker-cli
# What was built of the empty sources would be taken for what is built of the real ones.
RUN find /target -name '*broker*' -prune -exec rm -r {} +
WORKDIR /src
COPY --from=skeleton /skeleton ./
COPY crates crates
RUN cargo build --release --locked --package broker-cli

# The files of the image. The libraries stand where the binary looks for them.
RUN mkdir -p /image/etc/ssl/certs /image/tmp /image/usr/bin /image/var/lib /data/broker \
    && cp /target/release/broker /image/usr/bin/broker \
    && ldd /image/usr/bin/broker | grep -o '/[^ ]*' | xargs cp --parents --dereference --target-directory /image \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && echo 'root:x:0:0:root:/:/usr/sbin/nologin' > /image/etc/passwd \
    && echo 'broker:x:65532:65532:broker:/var/lib/broker:/usr/sbin/nologin' >> /image/etc/passwd \
    && printf 'root:x:0:\nbroker:x:65532:\n' > /image/etc/group \
    && echo 'hosts: files dns' > /image/etc/nsswitch.conf \
    && chmod 1777 /image/tmp && chmod 0700 /data/broker

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /data /var/lib
ENV BROKER_LISTEN=0.0.0.0:8080 \
    BROKER_ADMIN_LISTEN=0.0.0.0:9901 \
    BROKER_DATA_DIR=/var/lib/broker
EXPOSE 8080 9901
VOLUME /var/lib/broker
# A number, so that Kubernetes sees that it is not root.
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/bin/broker", "health"]
ENTRYPOINT ["/usr/bin/broker"]
CMD ["serve"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="broker" \
      org.opencontainers.image.description="A message broker for anyone with a gRPC client" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
