# One image for the worker and the starter.
#
#   docker build -t starkeep --build-arg VERSION="$(git describe --tags --always)" .

FROM golang:1.26.8-bookworm AS build
# The tag is the repository's own (see Makefile); without cgo the programs need nothing from the image they run in.
ENV CGO_ENABLED=0 GOFLAGS="-tags=gms_pure_go -buildvcs=false"
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./worker ./starter
# A new named volume takes owner and mode from the folder that it is mounted over.
RUN mkdir -p -m 0700 /state

# Only CA certificates, time zones and a user that is not root (65532). No shell: health checks call the starter.
FROM gcr.io/distroless/static-debian13:nonroot@sha256:1c2c046bc09ed40fad370b599a0b1ae7987f55b01e247cf27a7c27cd97e5bbc7
COPY --from=build /out/worker /out/starter /usr/local/bin/
COPY --from=build --chown=65532:65532 /state /var/lib/starkeep
# Spool, journal and key file in one volume. Workers on several hosts need the same key file, and each its own spool.
ENV STARKEEP_SPOOL=/var/lib/starkeep/spool \
    STARKEEP_JOURNAL=/var/lib/starkeep/journal \
    STARKEEP_KEY_FILE=/var/lib/starkeep/keys.json
VOLUME /var/lib/starkeep
USER 65532:65532
# Goes to Temporal and, once a repository exists, to a worker and back. A worker that cannot go on ends, and is restarted.
HEALTHCHECK --interval=30s --timeout=15s --start-period=20s --retries=3 \
    CMD ["/usr/local/bin/starter", "doctor", "worker"]
# A stopping worker lets running steps end for 30 s: give it longer than Docker's 10 s (docker stop -t 45).
ENTRYPOINT ["/usr/local/bin/worker"]
CMD ["--config", "/etc/starkeep/starkeep.toml"]
