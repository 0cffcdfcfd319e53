// SPDX-License-Identifier: Apache-2.0

extension GatewayConfiguration {
    /// A file of certificates that the document names.
    package struct CertificateFile: Equatable, Sendable {
        /// What it is for: `dicom`, `web`, `peer PACS`.
        package let name: String
        /// Absolute.
        package let path: String
        /// Whom we trust, not what we show.
        package let areAuthorities: Bool
    }

    /// Every file of certificates, each once for each purpose.
    package var certificateFiles: [CertificateFile] {
        var files: [CertificateFile] = []
        func add(_ name: String, _ file: String?, areAuthorities: Bool = false) {
            guard let file else { return }
            files.append(
                CertificateFile(
                    name: areAuthorities ? "\(name) authorities" : name,
                    path: path(of: file),
                    areAuthorities: areAuthorities
                )
            )
        }
        func add(_ name: String, _ server: ServerTLS?) {
            add(name, server?.credentials.certificate)
            add(name, server?.clientAuthorities, areAuthorities: true)
        }
        func add(_ name: String, _ peer: PeerTLS?) {
            add(name, peer?.credentials?.certificate)
            add(name, peer?.authorities, areAuthorities: true)
        }
        add("dicom", dicom.tls)
        add("web", web.tls?.server)
        add("web viewer", web.tls?.viewer?.certificate)
        add("boxes", boxes?.tls)
        add("hl7", hl7?.tls)
        add("dmp", dmp?.authorities, areAuthorities: true)
        for structure in dmp?.structures ?? [] {
            let name = structure.identifiers.first ?? structure.name
            add("dmp \(name) authentication", structure.authentication.certificate)
            add("dmp \(name) signature", structure.signature.certificate)
        }
        for (name, provider) in [
            ("proSanteConnect", proSanteConnect?.provider), ("viewer patients", viewer?.patients?.provider),
        ] {
            add(name, provider?.credentials?.certificate)
            add(name, provider?.authorities, areAuthorities: true)
        }
        add("whiteList", whiteList?.authorities, areAuthorities: true)
        add("whiteList server", whiteList?.urlAuthorities, areAuthorities: true)
        add("consumer", consumer?.tls)
        for peer in dicom.peers { add("peer \(peer.aeTitle)", peer.tls) }
        return files
    }
}
