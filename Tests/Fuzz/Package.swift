// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Rooms of the product beside what feeds them; `run` instruments all of it.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InferIsolatedConformances"),
]

let package = Package(
    name: "drimbox",
    // Libraries, for `main` is libFuzzer's.
    products: [.library(name: "manifest", type: .static, targets: ["manifest"])],
    dependencies: [.package(url: "https://github.com/apple/swift-log", from: "1.16.2")],
    targets: [
        .target(name: "CLinux", linkerSettings: [.linkedLibrary("crypt")]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
        .target(
            name: "Linux",
            dependencies: ["CLinux", "CZlib", "CZstd", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings
        ),
        .target(name: "DICOM", dependencies: ["Linux"], swiftSettings: settings),
        .target(name: "manifest", dependencies: ["DICOM"], swiftSettings: settings),
    ]
)
