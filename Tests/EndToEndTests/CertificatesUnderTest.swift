// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// A small public key infrastructure of the test, made by openssl.
final class CertificatesUnderTest {
    let directory: URL

    init(in directory: URL) throws {
        self.directory = directory
        try authority("ca")
        try authority("other")
        try leaf("server", by: "ca", names: "DNS:localhost,DNS:db1.example,DNS:vi1.example,IP:127.0.0.1")
        try leaf("client", by: "ca", names: "DNS:box2.example")
        try leaf("revoked", by: "ca", names: "DNS:box3.example")
        try leaf("stranger", by: "other", names: "DNS:box4.example")
    }

    func path(_ name: String) -> String { directory.appending(path: name).path }

    /// As a section of the configuration.
    func server(_ more: [String: Any] = [:]) -> [String: Any] {
        [
            "certificate": path("server.pem"), "privateKey": path("server.key"),
            "clientAuthorities": path("ca.pem"),
        ]
        .merging(more) { $1 }
    }

    func client() -> [String: Any] {
        [
            "certificate": path("client.pem"), "privateKey": path("client.key"),
            "authorities": path("ca.pem"),
            "serverName": "localhost",
        ]
    }

    private func openssl(_ arguments: [String]) throws {
        let result = try run("openssl", arguments)
        try #require(result.status == 0, "openssl \(arguments.joined(separator: " ")): \(result.errors)")
    }

    private func authority(_ name: String) throws {
        try openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=\(name)", "-keyout", path("\(name).key"), "-out", path("\(name).pem"),
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        ])
    }

    func leaf(_ name: String, by authority: String, names: String, ocsp: String? = nil) throws {
        let request = path("\(name).csr")
        let extensions = path("\(name).ext")
        let usage =
            "extendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\nbasicConstraints=CA:FALSE\n"
        let access = ocsp.map { "authorityInfoAccess=OCSP;URI:\($0)\n" } ?? ""
        try Data("subjectAltName=\(names)\n\(usage)\(access)".utf8).write(to: URL(filePath: extensions))
        try openssl([
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=\(name)", "-keyout", path("\(name).key"),
            "-out", request,
        ])
        try openssl([
            "x509", "-req", "-in", request, "-CA", path("\(authority).pem"), "-CAkey",
            path("\(authority).key"),
            "-CAcreateserial", "-days", "20", "-extfile", extensions, "-out", path("\(name).pem"),
        ])
    }

    /// A list of `ca` that names the certificate "revoked"; times as openssl writes them, else from now for a week.
    func revocationList(issued: String? = nil, next: String? = nil) throws -> String {
        try writeIndex(valid: [], revoked: ["revoked"])
        var times: [String] = []
        if let issued { times += ["-crl_lastupdate", issued] }
        if let next { times += ["-crl_nextupdate", next] }
        try openssl(["ca", "-config", path("ca.cnf"), "-gencrl", "-out", path("crl.pem")] + times)
        return path("crl.pem")
    }

    /// What `ca` knows of its certificates, in index.txt.
    func writeIndex(valid: [String], revoked: [String]) throws {
        let index = path("index.txt")
        let configuration = path("ca.cnf")
        for file in [index, index + ".attr"] { try Data().write(to: URL(filePath: file)) }
        let text = """
            [ca]
            default_ca = one
            [one]
            database = \(index)
            certificate = \(path("ca.pem"))
            private_key = \(path("ca.key"))
            default_md = sha256
            default_crl_days = 7

            """
        try Data(text.utf8).write(to: URL(filePath: configuration))
        for name in valid { try openssl(["ca", "-config", configuration, "-valid", path("\(name).pem")]) }
        for name in revoked { try openssl(["ca", "-config", configuration, "-revoke", path("\(name).pem")]) }
    }
}
