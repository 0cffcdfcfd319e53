// SPDX-License-Identifier: Apache-2.0

/// What the gateway counts since its start, and what its spool holds: `GET /v1/pipeline`.
package struct PipelineStatus: Codable, Equatable, Sendable {
    package struct Associations: Codable, Equatable, Sendable {
        /// Now.
        package var open: Int
        package var accepted: Int
        package var rejected: Int
        package var aborted: Int

        package init(open: Int = 0, accepted: Int = 0, rejected: Int = 0, aborted: Int = 0) {
            self.open = open
            self.accepted = accepted
            self.rejected = rejected
            self.aborted = aborted
        }
    }

    /// C-STORE as SCP.
    package struct Receive: Codable, Equatable, Sendable {
        package var instances: Int
        package var bytes: Int
        package var duplicates: Int
        package var replaced: Int
        /// Count by DIMSE status, four upper-case hexadecimal digits: `A700`.
        package var refused: [String: Int]
        /// Calls of fdatasync on the spool.
        package var flushes: Int
        package var flushSeconds: Double
        package var lastInstanceTime: Timestamp?

        package init(
            instances: Int = 0,
            bytes: Int = 0,
            duplicates: Int = 0,
            replaced: Int = 0,
            refused: [String: Int] = [:],
            flushes: Int = 0,
            flushSeconds: Double = 0,
            lastInstanceTime: Timestamp? = nil
        ) {
            self.instances = instances
            self.bytes = bytes
            self.duplicates = duplicates
            self.replaced = replaced
            self.refused = refused
            self.flushes = flushes
            self.flushSeconds = flushSeconds
            self.lastInstanceTime = lastInstanceTime
        }
    }

    /// WADO-RS as origin server.
    package struct Retrieve: Codable, Equatable, Sendable {
        package var requests: Int
        package var instances: Int
        package var bytes: Int
        /// Count by HTTP status: `404`.
        package var errors: [String: Int]

        package init(requests: Int = 0, instances: Int = 0, bytes: Int = 0, errors: [String: Int] = [:]) {
            self.requests = requests
            self.instances = instances
            self.bytes = bytes
            self.errors = errors
        }
    }

    package struct Spool: Codable, Equatable, Sendable {
        package var capacityBytes: Int
        package var usedBytes: Int
        package var segments: Int
        package var segmentBytes: Int
        package var instances: Int
        package var studies: Int
        package var evictedInstances: Int
        /// Not evictable: pinned, not yet published, or being read.
        package var heldBytes: Int

        package init(
            capacityBytes: Int = 0,
            usedBytes: Int = 0,
            segments: Int = 0,
            segmentBytes: Int = 0,
            instances: Int = 0,
            studies: Int = 0,
            evictedInstances: Int = 0,
            heldBytes: Int = 0
        ) {
            self.capacityBytes = capacityBytes
            self.usedBytes = usedBytes
            self.segments = segments
            self.segmentBytes = segmentBytes
            self.instances = instances
            self.studies = studies
            self.evictedInstances = evictedInstances
            self.heldBytes = heldBytes
        }
    }

    /// Exams that are to be in the national record and are not.
    package struct Publications: Codable, Equatable, Sendable {
        package var waiting: Int
        /// Since when the oldest of those waits.
        package var waitingSince: Timestamp?
        package var awaitingImages: Int
        /// Of those, the ones that wait for longer than the time that is set for it.
        package var overdue: Int
        /// They need a person.
        package var failed: Int
        package var held: Int

        package init(
            waiting: Int = 0,
            waitingSince: Timestamp? = nil,
            awaitingImages: Int = 0,
            overdue: Int = 0,
            failed: Int = 0,
            held: Int = 0
        ) {
            self.waiting = waiting
            self.waitingSince = waitingSince
            self.awaitingImages = awaitingImages
            self.overdue = overdue
            self.failed = failed
            self.held = held
        }
    }

    /// The national list of boxes.
    package struct WhiteList: Codable, Equatable, Sendable {
        /// When the list was made that is in force; nil where there is none.
        package var generated: Timestamp?
        package var boxes: Int
        /// What is wrong with the newest one, or with getting it; nil where nothing is.
        package var problem: String?

        package init(generated: Timestamp? = nil, boxes: Int = 0, problem: String? = nil) {
            self.generated = generated
            self.boxes = boxes
            self.problem = problem
        }
    }

    package struct Process: Codable, Equatable, Sendable {
        package var residentBytes: Int
        /// User and system time.
        package var cpuSeconds: Double
        package var startTime: Timestamp

        package init(residentBytes: Int = 0, cpuSeconds: Double = 0, startTime: Timestamp) {
            self.residentBytes = residentBytes
            self.cpuSeconds = cpuSeconds
            self.startTime = startTime
        }
    }

    package var associations: Associations
    package var receive: Receive
    package var retrieve: Retrieve
    package var spool: Spool
    /// Nil where there is no source.
    package var publications: Publications?
    /// Nil where every box may ask that TLS lets in.
    package var whiteList: WhiteList?
    /// What a RIS puts into reports so that they lead to their images, with the names of its fields in braces; nil where
    /// such links lead nowhere.
    package var viewerLink: String?
    package var process: Process

    package init(
        associations: Associations = Associations(),
        receive: Receive = Receive(),
        retrieve: Retrieve = Retrieve(),
        spool: Spool = Spool(),
        publications: Publications? = nil,
        whiteList: WhiteList? = nil,
        viewerLink: String? = nil,
        process: Process
    ) {
        self.associations = associations
        self.receive = receive
        self.retrieve = retrieve
        self.spool = spool
        self.publications = publications
        self.whiteList = whiteList
        self.viewerLink = viewerLink
        self.process = process
    }
}
