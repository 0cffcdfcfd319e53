// SPDX-License-Identifier: Apache-2.0

/// The gateway's document, `gateway.json`.
package struct GatewayConfiguration: Equatable, Sendable {
    package struct Spool: Equatable, Sendable {
        package var capacityBytes = 100 << 30
        package var segmentBytes = 256 << 20

        package init() {}
    }

    package struct Peer: Equatable, Sendable {
        /// What we may ask of it.
        package enum Role: String, Sendable, CaseIterable {
            case store
            case find
            case move
            /// Retrieval on our association: for an archive that does not know where we listen.
            case get
            case commitment
        }

        /// Whose instances these are when the peer sends.
        package enum Sends: String, Sendable, CaseIterable {
            /// Nobody sends them again: on the disk before each answer.
            case unsolicited
            /// We asked for them and the peer keeps them: one flush per association, and they may be evicted.
            case pulled
        }

        package let aeTitle: String
        package let host: String
        package let port: Int
        package let roles: Set<Role>
        package let sends: Sends
        /// Ours to it, at a time.
        package let maximumAssociations: Int
        /// Nil: as fast as the line is.
        package let bytesPerSecond: Int?
        /// Connections to the peer are plain text where it is absent.
        package let tls: PeerTLS?
    }

    package struct DICOM: Equatable, Sendable {
        package let aeTitle: String
        package let listen: [ListenAddress]
        /// Bytes of a P-DATA-TF variable field that we announce (PS3.8 D.1).
        package let maximumPDULength: Int
        package let maximumAssociations: Int
        package let peers: [Peer]
        package let acceptUnknownPeers: Bool
        /// PS3.8 9.1.5.
        package let artimSeconds: Int
        /// An association that carries nothing for so long is aborted.
        package let idleSeconds: Int
        /// Written reason for speaking without TLS beyond loopback.
        package let allowPlaintext: String?
        package let tls: ServerTLS?
    }

    package struct Web: Equatable, Sendable {
        package enum Authorization: String, Sendable, CaseIterable {
            case none
            /// Only what a manifest lists that is in the record, for who names it (`KOS-SOPInstanceUID`).
            case manifest
            /// The same, for who shows an access token of Pro Santé Connect besides.
            case proSanteConnect
        }

        package let listen: [ListenAddress]
        /// Host header of requests of other boxes.
        package let databaseHost: String?
        /// Host header of requests of viewers.
        package let viewerHost: String?
        package let authorization: Authorization
        package let allowPlaintext: String?
        package let tls: WebTLS?
    }

    package struct HL7: Equatable, Sendable {
        package let listen: [ListenAddress]
        package let allowPlaintext: String?
        package let tls: ServerTLS?
    }

    /// Other boxes, to which we are the client.
    package struct Boxes: Equatable, Sendable {
        /// Whom we trust and what we show; plain text and the system's authorities where it is absent.
        package let tls: PeerTLS?
        package let proxy: ListenAddress?
    }

    package let site: String
    package let dataDirectory: String
    /// Where files are that the document names by their names alone; `dataDirectory` where it is absent.
    package let credentialsDirectory: String
    /// No status is served where it is absent.
    package let statusSocket: String?
    package let spool: Spool
    package let dicom: DICOM
    package let web: Web
    /// No HL7 is received where it is absent.
    package let hl7: HL7?
    package let boxes: Boxes?
    /// Nothing is published where these are absent.
    package let dmp: DMP?
    package let source: Source?
    package let proSanteConnect: ProSanteConnect?
    /// Every box that TLS lets in may ask where it is absent.
    package let whiteList: WhiteList?
    /// No pages are served where it is absent.
    package let consumer: Consumer?
    /// Images are looked at nowhere where it is absent.
    package let viewer: Viewer?

    package init(json: [UInt8]) throws(ConfigurationError) {
        let findings = ConfigurationReader.Findings()
        var reader = ConfigurationReader(try JSONValue(parsing: json), findings: findings)
        site = reader.string("site", .text)
        dataDirectory = reader.string("dataDirectory", .path)
        credentialsDirectory = reader.optionalString("credentialsDirectory", .path) ?? dataDirectory
        statusSocket = reader.optionalString("statusSocket", .socketPath)
        let sections = Sections(from: &reader)
        reader.finish()
        try findings.check()
        guard let dicom = sections.dicom, let web = sections.web else {
            throw ConfigurationError(path: "", found: "an incomplete document", expected: "dicom and web")
        }
        self.dicom = dicom
        self.web = web
        spool = sections.spool
        hl7 = sections.hl7
        boxes = sections.boxes
        dmp = sections.dmp
        source = sections.source
        proSanteConnect = sections.proSanteConnect
        whiteList = sections.whiteList
        consumer = sections.consumer
        viewer = sections.viewer
    }

    /// A document from sections that are already checked.
    init(
        site: String,
        dataDirectory: String,
        credentialsDirectory: String,
        statusSocket: String,
        sections: CheckedSections
    ) {
        self.site = site
        self.dataDirectory = dataDirectory
        self.credentialsDirectory = credentialsDirectory
        self.statusSocket = statusSocket
        spool = sections.spool
        dicom = sections.dicom
        web = sections.web
        hl7 = sections.hl7
        boxes = sections.boxes
        dmp = sections.dmp
        source = sections.source
        proSanteConnect = sections.proSanteConnect
        whiteList = sections.whiteList
        consumer = sections.consumer
        viewer = sections.viewer
    }
}

extension GatewayConfiguration {
    /// The sections that the supervisor's document and the gateway's have in common.
    struct CheckedSections: Equatable, Sendable {
        let spool: Spool
        let dicom: DICOM
        let web: Web
        let hl7: HL7?
        let boxes: Boxes?
        let dmp: DMP?
        let source: Source?
        let proSanteConnect: ProSanteConnect?
        let whiteList: WhiteList?
        let consumer: Consumer?
        let viewer: Viewer?
    }

    /// As read; `dicom` and `web` are nil only when a finding says so.
    struct Sections {
        let spool: Spool
        let dicom: DICOM?
        let web: Web?
        let hl7: HL7?
        let boxes: Boxes?
        let dmp: DMP?
        let source: Source?
        let proSanteConnect: ProSanteConnect?
        let whiteList: WhiteList?
        let consumer: Consumer?
        let viewer: Viewer?

        init(from reader: inout ConfigurationReader) {
            spool = reader.optionalObject("spool").map(Spool.init(reading:)) ?? Spool()
            dicom = reader.object("dicom").map(DICOM.init(reading:))
            web = reader.object("web").map(Web.init(reading:))
            hl7 = reader.optionalObject("hl7").map(HL7.init(reading:))
            boxes = reader.optionalObject("boxes").map(Boxes.init(reading:))
            dmp = reader.optionalObject("dmp").map(DMP.init(reading:))
            source = reader.optionalObject("source").map(Source.init(reading:))
            proSanteConnect = reader.optionalObject("proSanteConnect").map(ProSanteConnect.init(reading:))
            whiteList = reader.optionalObject("whiteList").map(WhiteList.init(reading:))
            consumer = reader.optionalObject("consumer").map(Consumer.init(reading:))
            viewer = reader.optionalObject("viewer").map(Viewer.init(reading:))
            checkSource(reader)
            checkConsumer(reader)
            checkViewer(reader)
        }

        private func checkSource(_ reader: ConfigurationReader) {
            if let web, web.authorization != .none, source == nil {
                reader.note(
                    "web.authorization",
                    found: "\"\(web.authorization.rawValue)\"",
                    expected: "\"none\": without source there are no manifests"
                )
            }
            if let web, web.authorization == .proSanteConnect, proSanteConnect == nil {
                reader.note("proSanteConnect", found: "nothing", expected: "who is asked about tokens")
            }
            if let web, whiteList != nil, consumer == nil || web.authorization != .none {
                if web.authorization == .none {
                    reader.note(
                        "whiteList",
                        found: "an object",
                        expected: "null: everybody may ask for everything"
                    )
                }
                if web.tls?.server.clientAuthorities == nil {
                    let expected = "a PEM file: boxes are told by their certificates"
                    reader.note("web.tls.clientAuthorities", found: "nothing", expected: expected)
                }
            }
            guard let source else { return }
            if dmp == nil {
                reader.note("dmp", found: "nothing", expected: "the record that source publishes to")
            }
            if hl7 == nil { reader.note("hl7", found: "nothing", expected: "where source takes reports") }
            let archives = dicom?.peers.filter { $0.roles.contains(.find) }.map(\.aeTitle) ?? []
            if let archive = source.archive, !archives.contains(archive) {
                let expected = "a peer of dicom.peers with the role \"find\""
                reader.note("source.archive", found: "\"\(archive)\"", expected: expected)
            } else if archives.isEmpty {
                reader.note(
                    "dicom.peers",
                    found: "none with the role \"find\"",
                    expected: "the archive of source"
                )
            }
        }

        private func checkConsumer(_ reader: ConfigurationReader) {
            guard let consumer else { return }
            let needed: [(key: String, isThere: Bool, expected: String)] = [
                ("dmp", dmp != nil, "the record that consumer asks"),
                ("proSanteConnect", proSanteConnect != nil, "who signs professionals in"),
                ("whiteList", whiteList != nil, "the boxes that consumer may ask"),
                ("boxes.tls", boxes?.tls != nil, "what other boxes are shown, and whom they may be"),
            ]
            for section in needed where !section.isThere {
                reader.note(section.key, found: "nothing", expected: section.expected)
            }
            let archives = dicom?.peers.filter { $0.roles.contains(.store) }.map(\.aeTitle) ?? []
            if let archive = consumer.archive, !archives.contains(archive) {
                let expected = "a peer of dicom.peers with the role \"store\""
                reader.note("consumer.archive", found: "\"\(archive)\"", expected: expected)
            }
        }

        /// Nil only when a finding says why.
        var checked: CheckedSections? {
            guard let dicom, let web else { return nil }
            return CheckedSections(
                spool: spool,
                dicom: dicom,
                web: web,
                hl7: hl7,
                boxes: boxes,
                dmp: dmp,
                source: source,
                proSanteConnect: proSanteConnect,
                whiteList: whiteList,
                consumer: consumer,
                viewer: viewer
            )
        }
    }
}
