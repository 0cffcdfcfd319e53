// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Chosen once for every target: a change rebuilds everything.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InferIsolatedConformances"),
]
/// What ships also proves its memory safety: an unmarked unsafe expression is an error.
let shippedSettings: [SwiftSetting] = settings + [.strictMemorySafety()]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let jwt = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: shippedSettings)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: shippedSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

let package = Package(
    name: "drimbox",
    products: [
        .executable(name: "drimbox", targets: ["drimbox"]),
        .executable(name: "drimbox-codec", targets: ["drimbox-codec"]),
        // For conformance suites; no part of the box.
        .executable(name: "tuf-client", targets: ["tuf-client"]),
    ],
    dependencies: [
        // Transfer: event loops, sockets, HTTP/1.1.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        // Transfer: certificates, revocation lists and OCSP. Store: the audit's chain. Provisioning: enrolment, backups.
        // WhiteList: its signer and the names of its certificates. Updates: SHA-256.
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // Transfer: the DICOMweb client. Updates: the vendor's server.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // Identity: signatures of ID tokens and of signed userinfo. Does not need Foundation, and so no ICU data.
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        // Supervisor: the admin API. Without traits it does not need Foundation, and so no ICU data.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        // The doors: command lines, signals and orderly shutdown, log front end.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // 0 cellar
        .target(name: "CLinux", linkerSettings: [.linkedLibrary("crypt")]),
        .target(name: "CXXHash"),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(
            name: "CCodecs",
            cxxSettings: [.define("HAVE_CONFIG_H")],
            linkerSettings: [
                "dcmimage", "dcmimgle", "dcmjpeg", "dcmjpls", "dcmdata", "oflog", "ofstd", "openjp2", "jpeg",
                "png", "seccomp",
            ].map { .linkedLibrary($0) }
        ),
        .target(
            name: "CTPM",
            linkerSettings: ["tss2-esys", "tss2-mu", "tss2-rc", "tss2-tctildr", "crypto"].map {
                .linkedLibrary($0)
            }
        ),
        .target(
            name: "CXML",
            // Both libraries keep their headers in directories of their own.
            cSettings: [.unsafeFlags(["-I/usr/include/libxml2", "-I/usr/include/xmlsec1"])],
            linkerSettings: ["xml2", "xmlsec1", "xmlsec1-openssl", "crypto"].map { .linkedLibrary($0) }
        ),
        // 1 ground
        room("XML", ["CXML"]),
        room("ZIP", ["CArchive"]),
        room("Linux", ["CLinux", "CZlib", "CZstd", logging]),
        // 2 languages
        room("DICOM", ["Linux"]),
        room("Admin"),
        room("HL7", ["XML"]),
        room("IHE", ["XML", "Linux", crypto]),
        room("TUF", [crypto, cryptoExtras]),
        // 3 organs
        room("Store", ["Linux", "DICOM", "CSQLite", "CXXHash", crypto]),
        room(
            "Transfer",
            [
                "Linux", "ZIP", "DICOM", "HL7", nioCore, nioPosix, nioHTTP1, nioTLS, nioSSL, httpClient, x509,
                asn1,
                crypto,
            ]
        ),
        room("Codecs", ["Linux", "DICOM"]),
        room("HostNetwork", ["Linux", "Admin"]),
        room("Health", ["Linux", "Admin"]),
        room("TPM", ["CTPM", "Admin"]),
        room("DMP", ["IHE", "XML", "Admin", "Linux"]),
        room("Identity", [crypto, jwt]),
        room("WhiteList", ["XML", "Admin", "Linux", x509, asn1, crypto]),
        room("Updates", ["Linux", "TUF", httpClient, nioCore, nioHTTP1, nioSSL, crypto]),
        room("Provisioning", ["Linux", "Admin", x509, asn1, crypto, cryptoExtras]),
        // 4 work
        room(
            "Supervisor",
            [
                "Linux", "Admin", "Transfer", "Store", "HostNetwork", "Health", "Provisioning", hummingbird,
                lifecycle, logging, nioCore,
            ]
        ),
        room(
            "Source",
            ["Linux", "XML", "Admin", "DICOM", "HL7", "IHE", "DMP", "Store", "Transfer", crypto, nioHTTP1]
        ),
        room(
            "Consumer",
            [
                "Linux", "XML", "Admin", "DICOM", "HL7", "IHE", "DMP", "Identity", "Transfer", crypto,
                nioHTTP1,
            ]
        ),
        room(
            "Viewer",
            ["Linux", "Admin", "DICOM", "Identity", "Transfer", crypto, nioHTTP1]
        ),
        room("Console", ["Linux", "Admin", "Transfer"]),
        // 5 doors
        room("drimboxd", ["Supervisor", "Admin", "Linux", arguments, lifecycle, signals, logging]),
        room(
            "drimbox-gateway",
            [
                "Source", "Consumer", "Viewer", "DMP", "Identity", "WhiteList", "Transfer", "Codecs", "Store",
                "DICOM",
                "HL7", "IHE",
                "XML", "Admin",
                "Linux",
                arguments,
                lifecycle, signals, logging, nioCore, nioPosix, nioHTTP1, nioSSL,
            ]
        ),
        room("drimbox-probe", ["Health", "HostNetwork", "TPM", "Provisioning", "Admin", "Linux"]),
        room("drimbox-shell", ["Provisioning", "Admin", "Linux", arguments]),
        room("drimbox-update", ["Updates", "TUF", "Admin", "Linux", arguments]),
        room("drimbox-netgen", ["HostNetwork", "Admin", "Store", "Linux", arguments]),
        executable("drimbox-codec", ["Codecs", "DICOM", "Linux", "CCodecs"]),
        room(
            "drimboxctl",
            [
                "Console", "Provisioning", "Admin", "Transfer", "WhiteList", "ZIP", "DICOM", "Linux",
                arguments, nioCore,
            ]
        ),
        executable(
            "drimbox",
            [
                "drimboxd", "drimbox-gateway", "drimbox-probe", "drimbox-update", "drimbox-netgen",
                "drimbox-shell", "drimboxctl",
                "Admin", "Linux",
            ]
        ),
        executable("tuf-client", ["Updates", "TUF", "Linux", arguments]),
        // Tests
        .executableTarget(
            name: "update-benchmark",
            dependencies: ["Updates", "Linux"],
            path: "Tests/Benchmarks/update",
            exclude: ["run"],
            swiftSettings: settings
        ),
        tests("ArchitectureTests"),
        tests("DICOMTests", ["DICOM", "Linux"]),
        tests("AdminTests", ["Admin"]),
        tests("StoreTests", ["Store", "DICOM", "Linux", "CSQLite"]),
        tests("TransferTests", ["Transfer", "DICOM", "Linux", nioCore, nioPosix, nioHTTP1, nioSSL]),
        tests("HostNetworkTests", ["HostNetwork", "Admin", "Linux"]),
        tests("ConsoleTests", ["Console", "Admin", "Linux"]),
        tests("TPMTests", ["TPM", "Admin"]),
        tests("ProvisioningTests", ["Provisioning", "Admin", x509, asn1, crypto]),
        tests("IdentityTests", ["Identity", crypto, cryptoExtras]),
        tests("WhiteListTests", ["WhiteList", "XML", "Admin", x509, asn1, crypto, cryptoExtras]),
        tests("HealthTests", ["Health", "Admin"], exclude: ["Fixtures"]),
        tests("CodecsTests", ["Codecs", "DICOM", "Linux"]),
        tests(
            "SupervisorTests",
            [
                "Supervisor", "HostNetwork", "Health", "Provisioning", "Store", "Admin", "Linux", "Transfer",
                lifecycle, logging, x509, asn1, crypto,
            ]
        ),
        tests(
            "SourceTests",
            [
                "Source", "DMP", "Store", "DICOM", "HL7", "IHE", "XML", "Admin", "Linux", "Transfer",
                nioHTTP1,
            ]
        ),
        tests(
            "ConsumerTests",
            ["Consumer", "DMP", "Identity", "IHE", "DICOM", "Transfer", "XML", "Linux", nioHTTP1]
        ),
        tests(
            "ViewerTests",
            ["Viewer", "Identity", "Transfer", "DICOM", crypto, nioHTTP1]
        ),
        tests("XMLTests", ["XML"]),
        tests("ZIPTests", ["ZIP"]),
        tests("HL7Tests", ["HL7", "XML"]),
        tests("IHETests", ["IHE", "XML"]),
        tests("TUFTests", ["TUF", crypto, cryptoExtras]),
        tests("UpdatesTests", ["Updates", "Linux", "TUF", "CZstd", crypto, nioHTTP1]),
        tests("LinuxTests", ["Linux", logging]),
        tests("drimboxctlTests", ["drimboxctl", "Admin", "DICOM"]),
        tests("EndToEndTests", ["Transfer", "Store", "DICOM", "Linux", nioPosix]),
    ],
    cxxLanguageStandard: .cxx17
)
