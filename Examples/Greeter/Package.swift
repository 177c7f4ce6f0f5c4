// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "greeter",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "shoe-shop", path: "../..", traits: [])],
    targets: [
        .executableTarget(
            name: "Greeter",
            dependencies: [
                .product(name: "Postgres", package: "shoe-shop"), .product(name: "MessageQueue", package: "shoe-shop"),
            ])
    ]
)
