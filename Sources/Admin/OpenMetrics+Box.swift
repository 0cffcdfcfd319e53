// SPDX-License-Identifier: Apache-2.0

extension OpenMetrics {
    /// `GET /v1/metrics`. `pipeline` is nil where the gateway does not answer; its families are absent then.
    package init(
        pipeline: PipelineStatus?,
        services: [ServiceStatus],
        supervisor: PipelineStatus.Process,
        version: String = Software.version
    ) {
        self.init()
        family("drimbox_build", .info, help: "Software of the box.", [Sample(1, [("version", version)])])
        add(services)
        var processes = [("supervisor", supervisor)]
        if let pipeline {
            processes.append(("gateway", pipeline.process))
            add(pipeline.associations)
            add(pipeline.receive)
            add(pipeline.retrieve)
            add(pipeline.spool)
            if let publications = pipeline.publications { add(publications) }
        }
        add(processes)
    }

    private mutating func add(_ services: [ServiceStatus]) {
        family(
            "drimbox_service_up",
            .gauge,
            help: "1 where the service runs.",
            services.map { Sample($0.state == .running ? 1 : 0, [("service", $0.name)]) }
        )
        family(
            "drimbox_service_restarts",
            .counter,
            help: "Starts of the service after the first one.",
            services.map { Sample($0.restarts, [("service", $0.name)]) }
        )
    }

    private mutating func add(_ processes: [(name: String, use: PipelineStatus.Process)]) {
        func samples(_ value: (PipelineStatus.Process) -> Double) -> [Sample] {
            processes.map { Sample(value($0.use), [("service", $0.name)]) }
        }
        family(
            "drimbox_process_resident_memory_bytes",
            .gauge,
            unit: "bytes",
            help: "Resident memory of the process.",
            samples { Double($0.residentBytes) }
        )
        family(
            "drimbox_process_cpu_seconds",
            .counter,
            unit: "seconds",
            help: "User and system time of the process.",
            samples { $0.cpuSeconds }
        )
        family(
            "drimbox_process_start_time_seconds",
            .gauge,
            unit: "seconds",
            help: "Start of the process, Unix time.",
            samples { Double($0.startTime.milliseconds) / 1000 }
        )
    }

    private mutating func add(_ associations: PipelineStatus.Associations) {
        family("drimbox_associations_open", .gauge, help: "Associations now.", [Sample(associations.open)])
        family(
            "drimbox_associations",
            .counter,
            help: "Associations asked for, by outcome.",
            [
                Sample(associations.accepted, [("outcome", "accepted")]),
                Sample(associations.rejected, [("outcome", "rejected")]),
                Sample(associations.aborted, [("outcome", "aborted")]),
            ]
        )
    }

    private mutating func add(_ receive: PipelineStatus.Receive) {
        counter("drimbox_receive_instances", "Instances received by C-STORE.", receive.instances)
        family(
            "drimbox_receive_bytes",
            .counter,
            unit: "bytes",
            help: "Data set bytes received by C-STORE.",
            [Sample(receive.bytes)]
        )
        counter(
            "drimbox_receive_duplicates",
            "Instances received that were there already.",
            receive.duplicates
        )
        counter("drimbox_receive_replaced", "Instances received with other content.", receive.replaced)
        family(
            "drimbox_receive_refused",
            .counter,
            help: "C-STORE requests refused, by DIMSE status.",
            samples(receive.refused, label: "status")
        )
        counter("drimbox_receive_flushes", "Flushes of the spool to the disk.", receive.flushes)
        family(
            "drimbox_receive_flush_seconds",
            .counter,
            unit: "seconds",
            help: "Time spent flushing the spool to the disk.",
            [Sample(receive.flushSeconds)]
        )
        if let time = receive.lastInstanceTime {
            family(
                "drimbox_receive_last_instance_time_seconds",
                .gauge,
                unit: "seconds",
                help: "When the last instance came, Unix time.",
                [Sample(Double(time.milliseconds) / 1000)]
            )
        }
    }

    private mutating func add(_ retrieve: PipelineStatus.Retrieve) {
        counter("drimbox_retrieve_requests", "WADO-RS requests.", retrieve.requests)
        counter("drimbox_retrieve_instances", "Instances sent by WADO-RS.", retrieve.instances)
        family(
            "drimbox_retrieve_bytes",
            .counter,
            unit: "bytes",
            help: "Bytes sent by WADO-RS.",
            [Sample(retrieve.bytes)]
        )
        family(
            "drimbox_retrieve_errors",
            .counter,
            help: "WADO-RS requests answered with an error, by HTTP status.",
            samples(retrieve.errors, label: "status")
        )
    }

    private mutating func add(_ spool: PipelineStatus.Spool) {
        func bytes(_ name: String, _ help: String, _ value: Int) {
            family(name, .gauge, unit: "bytes", help: help, [Sample(value)])
        }
        bytes("drimbox_spool_capacity_bytes", "Bytes the spool may take.", spool.capacityBytes)
        bytes("drimbox_spool_used_bytes", "Bytes the spool takes.", spool.usedBytes)
        bytes("drimbox_spool_held_bytes", "Bytes of the spool that may not be evicted.", spool.heldBytes)
        bytes("drimbox_spool_segment_bytes", "Size of a segment.", spool.segmentBytes)
        family("drimbox_spool_segments", .gauge, help: "Segments of the spool.", [Sample(spool.segments)])
        family("drimbox_spool_instances", .gauge, help: "Instances in the spool.", [Sample(spool.instances)])
        family("drimbox_spool_studies", .gauge, help: "Studies in the spool.", [Sample(spool.studies)])
        counter(
            "drimbox_spool_evicted_instances",
            "Instances evicted from the spool.",
            spool.evictedInstances
        )
    }

    private mutating func add(_ publications: PipelineStatus.Publications) {
        func exams(_ state: String, _ count: Int) -> Sample { Sample(count, [("state", state)]) }
        family(
            "drimbox_publications",
            .gauge,
            help: "Exams that are to be in the national record and are not, by state.",
            [
                exams("waiting", publications.waiting), exams("awaiting-images", publications.awaitingImages),
                exams("overdue", publications.overdue), exams("failed", publications.failed),
                exams("held", publications.held),
            ]
        )
    }

    private mutating func counter(_ name: String, _ help: String, _ value: Int) {
        family(name, .counter, help: help, [Sample(value)])
    }

    private func samples(_ counts: [String: Int], label: String) -> [Sample] {
        counts.sorted { $0.key < $1.key }.map { Sample($0.value, [(label, $0.key)]) }
    }
}
