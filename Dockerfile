# The operator's image. `cargo xtask image` makes the same one without Docker and without a registry: it reads the
# last stage of this file.
FROM rust:1.95.0-bookworm AS build
# The toolchain of the image is the pinned one; rustup has nothing to fetch.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
# A static binary, glibc included. With --target, so that the flag does not reach procedural macros.
RUN host="$(rustc -vV | sed -n 's/^host: //p')" \
 && RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --package sei-operator --profile release --target "$host" \
 && mv "target/$host/release/sei-operator" /sei-operator
# The license texts of what is in the image.
RUN cargo xtask notices --output /licenses

FROM gcr.io/distroless/static-debian12:nonroot
LABEL org.opencontainers.image.title="sei-operator"
LABEL org.opencontainers.image.description="The Kubernetes operator for Sei nodes"
LABEL org.opencontainers.image.version="0.1.0"
LABEL org.opencontainers.image.licenses="Apache-2.0"
# One arena instead of several a core: freed memory is returned, and few threads allocate at the same time.
ENV MALLOC_ARENA_MAX=1
COPY --from=build /sei-operator /sei-operator
COPY --from=build /licenses /licenses
USER 65532:65532
ENTRYPOINT ["/sei-operator"]
CMD ["run"]
