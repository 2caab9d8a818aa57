# syntax=docker/dockerfile:1
# matsense on the CPU: one static binary and no shell.
#
#   docker build -t matsense .
#   mkdir -p runs
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/runs:/work/runs" matsense run --n 200 --rank 5
#
# Without --user the program runs as user 65532, who cannot write to your folders. Dockerfile.cuda is for
# GPUs. In a git worktree, whose .git points elsewhere, add --build-arg GOFLAGS=-buildvcs=false.

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH GOFLAGS VERSION
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w -X main.release=$VERSION" -o /out/matsense ./cmd/matsense && \
    mkdir -p /out/work/runs

FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=devel REVISION=unknown
LABEL org.opencontainers.image.title="matsense" \
      org.opencontainers.image.description="Recovers low-rank matrices from few linear measurements, and shows how it gets there" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/matsense/matsense" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="gcr.io/distroless/static-debian12:nonroot"
COPY --from=build /out/matsense /usr/local/bin/matsense
COPY --from=build --chown=65532:65532 /out/work /work
# The licences of what the binary contains; matsense licences prints them as well.
COPY LICENSE cmd/matsense/licences.txt /usr/share/doc/matsense/
USER 65532:65532
WORKDIR /work
VOLUME /work
HEALTHCHECK --interval=5m --timeout=30s --start-period=10s --retries=3 CMD ["matsense", "devices"]
ENTRYPOINT ["matsense"]
