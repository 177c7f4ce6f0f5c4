# One image with all executables; docker-compose.yml says which one runs where.
#
#   docker build -t shoe-shop .
#   docker run --rm shoe-shop order-api --help
#
# scripts/image does what is said here without an engine, and tries what came of it.

FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpq-dev libxml2-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build

# The dependencies change seldom, so they have a layer of their own.
COPY Package.swift ./
RUN swift package resolve

COPY Migrations Migrations
COPY Sources Sources
COPY Tests Tests
RUN swift build --configuration release --static-swift-stdlib \
    && mkdir /out \
    && cd "$(swift build --configuration release --static-swift-stdlib --show-bin-path)" \
    && cp -r order-api order-worker stock-worker payment-worker logistics-worker shop-desk message-gateway coupled-shop \
        provider-sandbox shoeshop shoe-shop_ShopCLI.resources /out/

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpq5 libxml2 ca-certificates curl tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/shop shop \
    && install -d -o shop /var/lib/providers
COPY --from=build /out/ /usr/local/bin/

USER shop
WORKDIR /var/lib/shop
# Health and metrics answer inside the container only. Whoever probes or scrapes it over the network, as Kubernetes does, sets
# OPERATIONS_FROM=anywhere, and keeps those paths from whoever else reaches the port.
ENV HOST=0.0.0.0 PORT=8080 LOG_FORMAT=json
EXPOSE 8080
CMD ["order-api"]
