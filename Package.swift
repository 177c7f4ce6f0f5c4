// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func log() -> Target.Dependency { .product(name: "Logging", package: "swift-log") }
func metrics() -> Target.Dependency { .product(name: "Metrics", package: "swift-metrics") }
func tracing() -> Target.Dependency { .product(name: "Tracing", package: "swift-distributed-tracing") }
func lifecycle() -> Target.Dependency { .product(name: "ServiceLifecycle", package: "swift-service-lifecycle") }

// What only the shop needs stands behind the trait `Shop`: whoever depends on this package with `traits: []` compiles none of
// it. It is on by default, so here `swift build` and `swift test` build everything. `traits: ["Desk"]` brings the operator's
// pages, `traits: ["Gateway"]` the wire protocols, and Hummingbird for either, without the shop.
func shop(_ product: String, _ package: String) -> Target.Dependency {
    .product(name: product, package: package, condition: .when(traits: ["Shop"]))
}
func desk(_ product: String, _ package: String) -> Target.Dependency {
    .product(name: product, package: package, condition: .when(traits: ["Desk"]))
}
func gateway(_ product: String, _ package: String) -> Target.Dependency {
    .product(name: product, package: package, condition: .when(traits: ["Gateway"]))
}
func hummingbird() -> Target.Dependency { desk("Hummingbird", "hummingbird") }
func httpClient() -> Target.Dependency { shop("AsyncHTTPClient", "async-http-client") }
func nio(_ module: String) -> Target.Dependency { shop(module, "swift-nio") }
func nioExtras(_ module: String) -> Target.Dependency { shop(module, "swift-nio-extras") }
func subprocess() -> [Target.Dependency] {
    [shop("Subprocess", "swift-subprocess"), shop("SystemPackage", "swift-system")]
}

let package = Package(
    name: "shoe-shop",
    // Linux with glibc is what is built and tested. What the libraries need of macOS and Musl is there, and unverified.
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Postgres", targets: ["Postgres"]),
        .library(name: "MessageQueue", targets: ["MessageQueue"]),
        .library(name: "MessageQueueTesting", targets: ["MessageQueueTesting"]),
        .library(name: "QueueDesk", targets: ["QueueDesk"]),
        .library(name: "QueueGateway", targets: ["QueueGateway"]),
        // For scenarios: preloaded into processes whose clock is to be wrong.
        .library(name: "FakeTime", type: .dynamic, targets: ["CFakeTime"]),
        .executable(name: "shoeshop", targets: ["ShopCLI"]),
        .executable(name: "order-api", targets: ["OrderAPI"]),
        .executable(name: "order-worker", targets: ["OrderWorker"]),
        .executable(name: "stock-worker", targets: ["StockWorker"]),
        .executable(name: "payment-worker", targets: ["PaymentWorker"]),
        .executable(name: "logistics-worker", targets: ["LogisticsWorker"]),
        .executable(name: "shop-desk", targets: ["ShopDesk"]),
        .executable(name: "message-gateway", targets: ["MessageGateway"]),
        .executable(name: "coupled-shop", targets: ["CoupledShop"]),
        .executable(name: "provider-sandbox", targets: ["ProviderSandbox"]),
    ],
    traits: [
        .default(enabledTraits: ["Shop"]),
        .trait(name: "Desk", description: "The operator's pages, to be mounted in a Hummingbird app."),
        .trait(name: "Gateway", description: "Queues and topics over HTTP, to be mounted in a Hummingbird app."),
        .trait(
            name: "Shop", description: "Everything but the libraries: the shop, its command line, its scenarios.",
            enabledTraits: ["Desk", "Gateway"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        // From here on behind the traits: `Desk` and `Gateway` take Hummingbird, swift-crypto and swift-nio, `Gateway`
        // also swift-nio-extras and swift-http-types, and `Shop` all.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.0", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.25.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.27.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.10.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.0.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .target(name: "Durations", swiftSettings: strict),
        .target(name: "StrictJSON", swiftSettings: strict),
        .target(name: "Terminal", swiftSettings: strict),
        .target(name: "HostNames", swiftSettings: strict),
        .target(
            name: "Postgres",
            dependencies: ["CLibPQ", "Durations", log(), .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: strict),
        .target(
            name: "MessageQueue",
            dependencies: [
                "Durations", "Postgres", "StrictJSON", log(), metrics(), tracing(), lifecycle(),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Migrations")],
            swiftSettings: strict),
        .target(
            name: "MessageQueueTesting", dependencies: ["Durations", "MessageQueue", "Postgres"], swiftSettings: strict),
        .target(
            name: "ShoeShop",
            dependencies: [
                "Postgres", "MessageQueue", log(), metrics(), tracing(), httpClient(),
                shop("Crypto", "swift-crypto"),
                nio("NIOCore"),
                nio("NIOPosix"),
                nio("NIOHTTP1"),
            ],
            resources: [.embedInCode("Migrations")],
            swiftSettings: strict),
        .target(
            name: "Launch",
            dependencies: [
                "Durations", "HostNames", "Postgres", "MessageQueue", "ShoeShop", "Terminal", log(), metrics(),
                tracing(), lifecycle(),
                hummingbird(), httpClient(),
                nio("NIOCore"),
                nio("NIOHTTP1"),
                nio("NIOPosix"),
                nioExtras("NIOHTTPTypes"),
                shop("HummingbirdCore", "hummingbird"), shop("HummingbirdTLS", "hummingbird"),
                shop("NIOSSL", "swift-nio-ssl"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                shop("Configuration", "swift-configuration"),
            ],
            swiftSettings: strict),
        .target(
            name: "ShopHTTP",
            dependencies: [
                "Postgres", "ShoeShop", "StrictJSON", log(), hummingbird(),
                nio("NIOCore"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "OrderAPI",
            dependencies: [
                "Launch", "MessageQueue", "Postgres", "ShoeShop", "ShopHTTP", log(), lifecycle(), hummingbird(),
                nio("NIOCore"),
            ],
            resources: [.embedInCode("openapi.yaml"), .embedInCode("Window/Assets")],
            swiftSettings: strict),
        .target(
            name: "QueueDesk",
            dependencies: [
                "HostNames", "MessageQueue", "Postgres", "StrictJSON", "XMLMarkup", log(), lifecycle(), hummingbird(),
                desk("Crypto", "swift-crypto"), desk("NIOCore", "swift-nio"),
            ],
            resources: [.embedInCode("Assets")],
            swiftSettings: strict),
        .target(
            name: "QueueGateway",
            dependencies: [
                "Durations", "MessageQueue", "Postgres", "StrictJSON", log(), lifecycle(),
                gateway("Hummingbird", "hummingbird"), gateway("Crypto", "swift-crypto"),
                gateway("HTTPTypes", "swift-http-types"), gateway("NIOCore", "swift-nio"),
                gateway("NIOHTTP1", "swift-nio"), gateway("NIOHTTPTypes", "swift-nio-extras"),
            ],
            resources: [.embedInCode("JSON/openapi.yaml")],
            swiftSettings: strict),
        .executableTarget(
            name: "MessageGateway",
            dependencies: ["Launch", "MessageQueue", "QueueGateway", hummingbird(), nio("NIOCore")],
            swiftSettings: strict),
        .executableTarget(
            name: "ShopDesk",
            dependencies: [
                "Launch", "MessageQueue", "Postgres", "QueueDesk", "ShoeShop", "ShopProcesses", hummingbird(),
                nio("NIOCore"),
            ], swiftSettings: strict),
        .executableTarget(name: "OrderWorker", dependencies: ["Launch", "ShoeShop"], swiftSettings: strict),
        .executableTarget(name: "StockWorker", dependencies: ["Launch", "ShoeShop"], swiftSettings: strict),
        .executableTarget(name: "PaymentWorker", dependencies: ["Launch", "ShoeShop"], swiftSettings: strict),
        .executableTarget(name: "LogisticsWorker", dependencies: ["Launch", "ShoeShop"], swiftSettings: strict),
        .target(name: "CFakeTime"),
        .target(
            name: "PortReservation", dependencies: [nio("NIOCore")],
            swiftSettings: strict),
        .executableTarget(
            name: "CoupledShop",
            dependencies: ["Launch", "Postgres", "ShoeShop", "ShopHTTP", log(), hummingbird()],
            swiftSettings: strict),
        .executableTarget(
            name: "ProviderSandbox",
            dependencies: [
                "HostNames", "Launch", "PortReservation", "StrictJSON", log(), metrics(), lifecycle(), hummingbird(),
                nio("NIOCore"),
                nio("NIOPosix"),
                nio("NIOHTTP1"),
            ],
            swiftSettings: strict),
        .target(name: "LocalPostgres", dependencies: subprocess(), swiftSettings: strict),
        .target(name: "XMLMarkup", swiftSettings: strict),
        .target(name: "DeliveryCheck", swiftSettings: strict),
        .target(
            name: "ShopProcesses",
            dependencies: [
                "HostNames", "PortReservation", httpClient(), nio("NIOCore"), nio("NIOHTTP1"),
                shop("NIOSSL", "swift-nio-ssl"),
            ] + subprocess(),
            swiftSettings: strict),
        .target(
            name: "Scenarios",
            dependencies: [
                "Durations", "Postgres", "MessageQueue", "ShoeShop", "LocalPostgres", "PortReservation",
                "ShopProcesses", "XMLMarkup", log(), httpClient(),
                nio("NIOCore"),
                nio("NIOPosix"),
                nio("NIOHTTP1"),
                shop("Yams", "Yams"),
                shop("Mustache", "swift-mustache"),
            ] + subprocess(),
            swiftSettings: strict),
        .target(
            name: "Benchmarks",
            dependencies: [
                "CLibPQ", "Postgres", "MessageQueue", "DeliveryCheck", "LocalPostgres", "XMLMarkup", log(), lifecycle(),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ] + subprocess(),
            swiftSettings: strict),
        .executableTarget(
            name: "ShopCLI",
            dependencies: [
                "Durations", "Postgres", "MessageQueue", "QueueGateway", "ShoeShop", "LocalPostgres", "ShopProcesses",
                "Scenarios", "Benchmarks", "DeliveryCheck", "Terminal", log(), httpClient(),
                nio("NIOCore"),
                nio("NIOHTTP1"),
                shop("ArgumentParser", "swift-argument-parser"),
            ] + subprocess(),
            // Not embedded: the optimiser takes many minutes over a literal of 200 kB.
            resources: [.copy("Samples")],
            swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["Postgres", "LocalPostgres", log()] + subprocess(),
            path: "Tests/TestSupport",
            // Not embedded: read by few.
            resources: [.copy("Unreleased")], swiftSettings: strict),
        .testTarget(name: "DurationsTests", dependencies: ["Durations"], swiftSettings: strict),
        .testTarget(name: "TerminalTests", dependencies: ["Terminal"], swiftSettings: strict),
        .testTarget(
            name: "ShopCLITests", dependencies: ["ShopCLI", "ShopProcesses", "Terminal", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "PostgresTests", dependencies: ["Postgres", "TestSupport", log()], swiftSettings: strict),
        .testTarget(
            name: "MessageQueueTests",
            dependencies: [
                "DeliveryCheck", "Durations", "MessageQueue", "Postgres", "LocalPostgres", "TestSupport", log(),
                metrics(), tracing(), lifecycle(),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "MessageQueueTestingTests",
            dependencies: ["MessageQueueTesting", "MessageQueue", "Postgres", "TestSupport", log()],
            swiftSettings: strict),
        .testTarget(
            name: "MessageQueueModelTests",
            dependencies: ["DeliveryCheck", "Durations", "MessageQueue", "Postgres", "TestSupport", log()],
            swiftSettings: strict),
        .testTarget(
            name: "LocalPostgresTests", dependencies: ["LocalPostgres", "Postgres", "TestSupport"] + subprocess(),
            swiftSettings: strict),
        .testTarget(
            name: "ScenariosTests",
            dependencies: [
                "Scenarios", "ShoeShop", "MessageQueue", "Postgres", "LocalPostgres", "TestSupport", "XMLMarkup",
                log(), lifecycle(), httpClient(),
                nio("NIOCore"),
                nio("NIOPosix"),
                nio("NIOHTTP1"),
            ] + subprocess(),
            swiftSettings: strict),
        .testTarget(
            name: "BenchmarksTests",
            dependencies: ["Benchmarks", "DeliveryCheck", "ShopCLI", "ShopDesk", "TestSupport"] + subprocess(),
            swiftSettings: strict),
        .executableTarget(
            name: "test-programs",
            dependencies: ["Launch", "MessageQueue", "Postgres", "Terminal", log(), lifecycle()],
            path: "Tests/TestPrograms", swiftSettings: strict),
        .testTarget(
            name: "LaunchTests",
            dependencies: [
                "HostNames", "Launch", "MessageQueue", "TestSupport", log(), metrics(), lifecycle(), hummingbird(),
                httpClient(),
                nio("NIOCore"),
                nio("NIOHTTP1"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "QueueDeskTests",
            dependencies: [
                "QueueDesk", "ShopDesk", "ShoeShop", "MessageQueue", "Postgres", "TestSupport", log(), lifecycle(),
                hummingbird(), httpClient(),
                shop("NIOSSL", "swift-nio-ssl"),
                nio("NIOCore"),
                nio("NIOHTTP1"),
            ] + subprocess(),
            swiftSettings: strict),
        .testTarget(
            name: "QueueGatewayTests",
            dependencies: [
                "QueueGateway", "MessageGateway", "ShopCLI", "MessageQueue", "Postgres", "StrictJSON", "TestSupport",
                log(), lifecycle(), httpClient(),
                gateway("Hummingbird", "hummingbird"),
                gateway("HTTPTypes", "swift-http-types"),
                nio("NIOCore"),
                nio("NIOHTTP1"),
                nio("NIOPosix"),
            ] + subprocess(),
            // Scripts that are run, each with one of Alibaba's clients.
            exclude: ["Clients"], swiftSettings: strict),
        .testTarget(
            name: "ProviderSandboxTests",
            dependencies: [
                "ProviderSandbox", "ShoeShop", "Launch", "TestSupport", httpClient(),
                nio("NIOCore"),
                nio("NIOHTTP1"),
                shop("SystemPackage", "swift-system"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CoupledShopTests",
            dependencies: [
                "CoupledShop", "MessageQueue", "Postgres", "ProviderSandbox", "ShoeShop", "TestSupport", httpClient(),
                nio("NIOCore"),
                nio("NIOHTTP1"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SystemTests",
            dependencies: [
                "ShoeShop", "MessageQueue", "Postgres", "LocalPostgres", "TestSupport", "Scenarios", "ShopCLI",
                "OrderAPI", "ShopDesk", "PortReservation",
                "OrderWorker", "StockWorker", "PaymentWorker", "LogisticsWorker", "ProviderSandbox", httpClient(),
                nio("NIOCore"),
                nio("NIOHTTP1"),
            ],
            exclude: ["otlp_receiver.py"], swiftSettings: strict),
        .testTarget(
            name: "ShoeShopTests",
            dependencies: [
                "TestSupport", "ShoeShop", "MessageQueue", "MessageQueueTesting", "Postgres", log(), lifecycle(),
                httpClient(),
                nio("NIOCore"),
                nio("NIOHTTP1"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "OrderAPITests",
            dependencies: [
                "TestSupport", "LocalPostgres", "ShoeShop", "StrictJSON", "MessageQueue", "Postgres", httpClient(),
                nio("NIOCore"),
                nio("NIOHTTP1"),
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
