// SPDX-License-Identifier: Apache-2.0
package import Admin
import Linux

/// Questions to the network whose answers tell whether a configuration is a good one.
package struct NetworkProbe: Sendable {
    private static let seconds = 2

    private let networkd: Networkd
    private let now: @Sendable () -> Int64

    /// `now`: milliseconds since 1970, of the box's clock.
    package init(networkd: Networkd, now: @escaping @Sendable () -> Int64) {
        self.networkd = networkd
        self.now = now
    }

    /// Everything that the configuration names, one after the other: link, gateway, name server, time server.
    package func run(_ network: NetworkConfiguration) async -> [NetworkTestStep] {
        var steps = await links(network)
        for interface in network.interfaces {
            for gateway in interface.gateways {
                steps.append(await self.gateway(gateway, on: interface.name))
            }
            for route in interface.routes {
                steps.append(
                    await self.gateway(route.gateway, on: interface.name, to: "\(route.destination)")
                )
            }
        }
        for server in network.nameServers { steps.append(await dns(server)) }
        for server in network.timeServers { steps.append(await ntp(server)) }
        if let proxy = network.proxy { steps.append(await tcp(.proxy, proxy.host, proxy.port)) }
        return steps
    }

    package func links(_ network: NetworkConfiguration) async -> [NetworkTestStep] {
        let links: [LinkStatus]
        do {
            links = try await networkd.links()
        } catch {
            return network.devices.sorted().map { NetworkTestStep(.link, $0, isOK: false, "\(error)") }
        }
        let ports = await networkd.authorizedPorts(network)
        return network.devices.sorted().map { device in
            guard let link = links.first(where: { $0.ifname == device }) else {
                return NetworkTestStep(.link, device, isOK: false, "no such interface", cause: .missingDevice)
            }
            if !link.hasCarrier {
                // A cable somewhere else says more.
                let used = network.devices
                let stray = links.first {
                    $0.hasCarrier && !$0.isLoopback && !used.contains($0.ifname) && $0.isDevice
                }
                if let stray {
                    let detail = "no cable; \(stray.ifname) has one"
                    return NetworkTestStep(
                        .link,
                        device,
                        isOK: false,
                        detail,
                        cause: .wrongPort(stray.ifname)
                    )
                }
                return NetworkTestStep(.link, device, isOK: false, "no cable", cause: .noCable)
            }
            let interface = network.interface(named: device)
            if interface?.authentication != nil, !ports.contains(device) {
                return NetworkTestStep(
                    .link,
                    device,
                    isOK: false,
                    "802.1X: the port is not authorized",
                    cause: .notAuthorized
                )
            }
            if interface?.ipv4 == .dhcp,
                !link.addr_info.contains(where: { $0.dynamic == true && $0.family == "inet" })
            {
                return NetworkTestStep(.link, device, isOK: false, "no DHCP answer", cause: .noLease)
            }
            return NetworkTestStep(.link, device, isOK: true, "up")
        }
    }

    /// The hardware address answers: ARP (RFC 826) or neighbour discovery (RFC 4861). `destination`: of the route
    /// that leads there.
    package func gateway(_ gateway: String, on interface: String, to destination: String = "default") async
        -> NetworkTestStep
    {
        func step(_ isOK: Bool, _ detail: String, _ cause: NetworkTestStep.Cause? = nil) -> NetworkTestStep {
            NetworkTestStep(
                .gateway,
                gateway,
                isOK: isOK,
                detail,
                cause: cause,
                role: "\(interface) \(destination)"
            )
        }
        let start = ContinuousClock.now
        let isLinkLocal = IPAddress(gateway)?.isLinkLocal == true && gateway.contains(":")
        if case .failure(let failure) = await SocketProbe.nudge(
            isLinkLocal ? "\(gateway)%\(interface)" : gateway
        ) {
            return step(false, "\(failure)", .noRoute)
        }
        // An entry that was good some time ago is asked again by the kernel, which takes it up to 8 s.
        let limits = (unknown: Duration.seconds(3), stale: Duration.seconds(9))
        while true {
            let entries: [Neighbour]
            do { entries = try await networkd.neighbours(to: gateway) } catch {
                return step(false, "\(error)")
            }
            let states = Set(entries.filter { $0.lladdr != nil }.flatMap { $0.state ?? [] })
            if !states.isDisjoint(with: ["REACHABLE", "PERMANENT"]) {
                return step(true, "answers in \(Self.milliseconds(since: start)) ms")
            }
            let isStale = !states.isDisjoint(with: ["STALE", "DELAY", "PROBE"])
            if states.contains("FAILED")
                || ContinuousClock.now - start >= (isStale ? limits.stale : limits.unknown)
            {
                return step(false, "no answer", .gatewaySilent)
            }
            do {
                try await Task.sleep(for: .milliseconds(100))
            } catch {
                return step(false, "the test was ended")
            }
        }
    }

    /// Asks for the name servers of the root (RFC 1035 4): any answer is one.
    package func dns(_ server: String) async -> NetworkTestStep {
        let question: [UInt8] = [0x44, 0x42, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]
        let start = ContinuousClock.now
        switch await SocketProbe.exchange(server, port: 53, question, seconds: Self.seconds) {
        case .success(let answer):
            guard answer.count >= 12, answer.starts(with: question.prefix(2)), answer[2] & 0x80 != 0 else {
                return NetworkTestStep(
                    .dns,
                    server,
                    isOK: false,
                    "an answer that is not DNS",
                    cause: .dnsSilent
                )
            }
            return NetworkTestStep(
                .dns,
                server,
                isOK: true,
                "answers in \(Self.milliseconds(since: start)) ms"
            )
        case .failure(let failure):
            return NetworkTestStep(.dns, server, isOK: false, "\(failure)", cause: .dnsSilent)
        }
    }

    /// One client request (RFC 5905 14); the answer also tells how far off our clock is.
    package func ntp(_ server: String) async -> NetworkTestStep {
        let request = [UInt8(0x23)] + [UInt8](repeating: 0, count: 47)
        let sent = now()
        switch await SocketProbe.exchange(server, port: 123, request, seconds: Self.seconds) {
        case .success(let answer):
            guard answer.count >= 48, answer[0] & 7 == 4, (1...15).contains(answer[1]) else {
                return NetworkTestStep(
                    .ntp,
                    server,
                    isOK: false,
                    "answers, but has no time itself",
                    cause: .ntpUnsynchronised
                )
            }
            let offset = Self.milliseconds(ofNTP: answer[40..<48]) - (sent + now()) / 2
            // The clock is wrong by more than any network is slow.
            if abs(offset) > 1000 {
                return NetworkTestStep(
                    .ntp,
                    server,
                    isOK: true,
                    "answers; our clock is off by \(Self.span(offset))",
                    cause: .clockWrong(seconds: Int((Double(offset) / 1000).rounded()))
                )
            }
            return NetworkTestStep(.ntp, server, isOK: true, "answers, offset \(offset) ms")
        case .failure(let failure):
            return NetworkTestStep(.ntp, server, isOK: false, "\(failure)", cause: .ntpSilent)
        }
    }

    package func tcp(_ kind: NetworkTestStep.Kind, _ host: String, _ port: Int) async -> NetworkTestStep {
        let start = ContinuousClock.now
        let target = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        switch await SocketProbe.connect(host, port: port, seconds: Self.seconds) {
        case .success:
            return NetworkTestStep(
                kind,
                target,
                isOK: true,
                "connects in \(Self.milliseconds(since: start)) ms"
            )
        case .failure(let failure):
            return NetworkTestStep(kind, target, isOK: false, "\(failure)", cause: .tcpRefused)
        }
    }

    private static func milliseconds(since start: ContinuousClock.Instant) -> Int {
        Int((ContinuousClock.now - start) / .milliseconds(1))
    }

    /// Seconds since 1900 and their fraction (RFC 5905 6). The era is the one that begins in 1900, or 2036 where
    /// the highest bit is not set.
    private static func milliseconds(ofNTP bytes: ArraySlice<UInt8>) -> Int64 {
        let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let seconds = Int64(value >> 32) + (value >> 63 == 0 ? 1 << 32 : 0) - 2_208_988_800
        return seconds * 1000 + Int64(((value & 0xFFFF_FFFF) * 1000) >> 32)
    }

    private static func span(_ milliseconds: Int64) -> String {
        let seconds = (abs(milliseconds) + 500) / 1000
        let text =
            seconds >= 172_800
            ? "\(seconds / 86_400) d" : seconds >= 7200 ? "\(seconds / 3600) h" : "\(seconds) s"
        return milliseconds > 0 ? "\(text) (behind)" : "\(text) (ahead)"
    }
}

extension LinkStatus {
    /// Made by nobody but the hardware, as far as the flags tell.
    fileprivate var isDevice: Bool { flags.contains("BROADCAST") }
}
