// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "outbox",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.10.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(name: "shoe-shop", path: "../..", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "Outbox",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"), .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "Postgres", package: "shoe-shop"), .product(name: "MessageQueue", package: "shoe-shop"),
            ])
    ]
)
