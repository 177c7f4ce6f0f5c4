// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "reminder",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "shoe-shop", path: "../..", traits: [])],
    targets: [
        .executableTarget(
            name: "Reminder",
            dependencies: [
                .product(name: "Postgres", package: "shoe-shop"), .product(name: "MessageQueue", package: "shoe-shop"),
            ])
    ]
)
