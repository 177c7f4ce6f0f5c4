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
func lifecycle() -> Target.Dependency { .product(name: "ServiceLifecycle", package: "swift-service-lifecycle") }
func hummingbird() -> Target.Dependency { .product(name: "Hummingbird", package: "hummingbird") }
func subprocess() -> [Target.Dependency] {
    [
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
    ]
}
func httpClient() -> Target.Dependency { .product(name: "AsyncHTTPClient", package: "async-http-client") }

let package = Package(
    name: "shoe-shop",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Postgres", targets: ["Postgres"]),
        .library(name: "MessageQueue", targets: ["MessageQueue"]),
        .library(name: "MessageQueueTesting", targets: ["MessageQueueTesting"]),
        // For scenarios: preloaded into processes whose clock is to be wrong.
        .library(name: "FakeTime", type: .dynamic, targets: ["CFakeTime"]),
        .executable(name: "shoeshop", targets: ["ShopCLI"]),
        .executable(name: "order-api", targets: ["OrderAPI"]),
        .executable(name: "order-worker", targets: ["OrderWorker"]),
        .executable(name: "stock-worker", targets: ["StockWorker"]),
        .executable(name: "payment-worker", targets: ["PaymentWorker"]),
        .executable(name: "logistics-worker", targets: ["LogisticsWorker"]),
        .executable(name: "coupled-shop", targets: ["CoupledShop"]),
        .executable(name: "provider-sandbox", targets: ["ProviderSandbox"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.2.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.25.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.10.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.0.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .target(
            name: "Postgres",
            dependencies: ["CLibPQ", log(), .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: strict),
        .target(
            name: "MessageQueue",
            dependencies: ["Postgres", log(), metrics(), lifecycle()],
            resources: [.embedInCode("Migrations")],
            swiftSettings: strict),
        .target(name: "MessageQueueTesting", dependencies: ["MessageQueue", "Postgres"], swiftSettings: strict),
        .target(
            name: "ShoeShop",
            dependencies: [
                "Postgres", "MessageQueue", log(), metrics(), httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            resources: [.embedInCode("Migrations")],
            swiftSettings: strict),
        .target(
            name: "Launch",
            dependencies: [
                "Postgres", "MessageQueue", "ShoeShop", log(), metrics(), lifecycle(), hummingbird(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Configuration", package: "swift-configuration"),
            ],
            swiftSettings: strict),
        .target(
            name: "ShopHTTP",
            dependencies: [
                "Postgres", "ShoeShop", log(), hummingbird(),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "OrderAPI",
            dependencies: [
                "Launch", "Postgres", "ShoeShop", "ShopHTTP", log(), lifecycle(), hummingbird(),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            resources: [.embedInCode("openapi.yaml")],
            swiftSettings: strict),
        .executableTarget(name: "OrderWorker", dependencies: ["Launch", "ShoeShop"], swiftSettings: strict),
        .executableTarget(name: "StockWorker", dependencies: ["Launch", "ShoeShop"], swiftSettings: strict),
        .executableTarget(name: "PaymentWorker", dependencies: ["Launch", "ShoeShop"], swiftSettings: strict),
        .executableTarget(name: "LogisticsWorker", dependencies: ["Launch", "ShoeShop"], swiftSettings: strict),
        .target(name: "CFakeTime"),
        .target(
            name: "PortReservation", dependencies: [.product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: strict),
        .executableTarget(
            name: "CoupledShop",
            dependencies: ["Launch", "Postgres", "ShoeShop", "ShopHTTP", log(), hummingbird()],
            swiftSettings: strict),
        .executableTarget(
            name: "ProviderSandbox",
            dependencies: [
                "Launch", "PortReservation", log(), metrics(), lifecycle(), hummingbird(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .target(name: "LocalPostgres", dependencies: subprocess(), swiftSettings: strict),
        .target(name: "ShopProcesses", dependencies: subprocess(), swiftSettings: strict),
        .target(
            name: "Scenarios",
            dependencies: [
                "Postgres", "MessageQueue", "ShoeShop", "LocalPostgres", "PortReservation", "ShopProcesses", log(),
                httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "Mustache", package: "swift-mustache"),
            ] + subprocess(),
            swiftSettings: strict),
        .target(
            name: "Benchmarks",
            dependencies: [
                "CLibPQ", "Postgres", "MessageQueue", "LocalPostgres", log(), lifecycle(),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ] + subprocess(),
            swiftSettings: strict),
        .executableTarget(
            name: "ShopCLI",
            dependencies: [
                "Postgres", "MessageQueue", "ShoeShop", "LocalPostgres", "ShopProcesses", "Scenarios", "Benchmarks",
                log(), httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ] + subprocess(),
            // Not embedded: the optimiser takes many minutes over a literal of 200 kB.
            resources: [.copy("Samples")],
            swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["Postgres", "LocalPostgres", log()] + subprocess(),
            path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "PostgresTests", dependencies: ["Postgres", "TestSupport", log()], swiftSettings: strict),
        .testTarget(
            name: "MessageQueueTests",
            dependencies: [
                "Benchmarks", "MessageQueue", "Postgres", "LocalPostgres", "TestSupport", log(), lifecycle(),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "MessageQueueTestingTests",
            dependencies: ["MessageQueueTesting", "MessageQueue", "Postgres", "TestSupport", log()],
            swiftSettings: strict),
        .testTarget(
            name: "MessageQueueModelTests",
            dependencies: ["Benchmarks", "MessageQueue", "Postgres", "TestSupport", log()], swiftSettings: strict),
        .testTarget(
            name: "LocalPostgresTests", dependencies: ["LocalPostgres", "Postgres", "TestSupport"] + subprocess(),
            swiftSettings: strict),
        .testTarget(
            name: "ScenariosTests",
            dependencies: [
                "Scenarios", "ShoeShop", "MessageQueue", "Postgres", "LocalPostgres", "TestSupport", httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ] + subprocess(),
            swiftSettings: strict),
        .testTarget(
            name: "BenchmarksTests", dependencies: ["Benchmarks", "ShopCLI", "TestSupport"] + subprocess(),
            swiftSettings: strict),
        .testTarget(
            name: "LaunchTests",
            dependencies: [
                "Launch", "MessageQueue", "TestSupport", log(), metrics(), lifecycle(), hummingbird(), httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ProviderSandboxTests",
            dependencies: [
                "ProviderSandbox", "ShoeShop", "Launch", httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CoupledShopTests",
            dependencies: [
                "CoupledShop", "MessageQueue", "Postgres", "ProviderSandbox", "ShoeShop", "TestSupport", httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SystemTests",
            dependencies: [
                "ShoeShop", "MessageQueue", "Postgres", "LocalPostgres", "TestSupport", "ShopCLI", "OrderAPI",
                "OrderWorker", "StockWorker", "PaymentWorker", "LogisticsWorker", "ProviderSandbox", httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ShoeShopTests",
            dependencies: [
                "TestSupport", "ShoeShop", "MessageQueue", "MessageQueueTesting", "Postgres", log(), lifecycle(),
                httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "OrderAPITests",
            dependencies: [
                "TestSupport", "LocalPostgres", "ShoeShop", "MessageQueue", "Postgres", httpClient(),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
