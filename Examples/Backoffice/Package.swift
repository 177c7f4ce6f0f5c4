// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "backoffice",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.10.0"),
        .package(name: "shoe-shop", path: "../..", traits: ["Desk"]),
    ],
    targets: [
        .executableTarget(
            name: "Backoffice",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Postgres", package: "shoe-shop"), .product(name: "MessageQueue", package: "shoe-shop"),
                .product(name: "QueueDesk", package: "shoe-shop"),
            ])
    ]
)
