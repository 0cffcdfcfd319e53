// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux
import Updates

/// Orders while `run` works on the slots: from the supervisor, through a socket that nobody else may open.
extension UpdateBox {
    /// The socket that systemd passes, or the configured one; nil where there is neither.
    func orders() throws -> UnixRequests? {
        let environment = ProcessInfo.processInfo.environment
        if let inherited = UnixRequests(inherited: { environment[$0] }) { return inherited }
        return try configuration.socket.map { try UnixRequests(path: $0) }
    }

    /// Until the socket is closed. A check may take its time: the next order does not wait for it.
    func serve(_ orders: UnixRequests, _ agent: UpdateAgent) async {
        await withDiscardingTaskGroup { group in
            while true {
                let request: UnixRequest?
                do {
                    request = try await DetachedThread.value {
                        Result { () throws(SystemCallError) in try orders.next() }
                    }.get()
                } catch {
                    StandardError.print("drimbox-update: orders: \(error)")
                    return
                }
                guard let request else { return }
                group.addTask { [self] in
                    let answer = await answer(request.line, agent)
                    let bytes = (try? JSONEncoder().encode(answer)).map(Array.init) ?? []
                    await DetachedThread.value { request.answer(bytes + [0x0A]) }
                }
            }
        }
    }

    private func answer(_ line: [UInt8], _ agent: UpdateAgent) async -> UpdateAnswer {
        guard let order = try? JSONDecoder().decode(UpdateOrder.self, from: Data(line)) else {
            return .failed("found no order, expected one of UpdateOrder")
        }
        do {
            return try await carryOut(order, agent)
        } catch let error as UpdateRefusal {
            return .refused("\(error)")
        } catch {
            return .failed("\(error)")
        }
    }

    private func carryOut(_ order: UpdateOrder, _ agent: UpdateAgent) async throws -> UpdateAnswer {
        switch order {
        case .media: return .media(UpdateMediaList(media: media.map(\.name)))
        case .status: break
        case .check:
            if await agent.status.state != .fetching { await repository.choose(medium: nil) }
            await agent.check()
        case .install(let request): try await install(request, agent)
        case .confirm(let hours): try await consent(hours: hours, agent)
        case .abort:
            let state = await agent.status.state
            guard state.isUnderWay || [.rebooting, .trial].contains(state) else {
                throw UpdateRefusal(description: "found \(state.words), expected a release that is under way")
            }
            await agent.send(.abort)
            // What was to be started is not there any more.
            if state.isUnderWay || state == .rebooting { forgetReboot() }
        case .rollback:
            let status = await agent.status
            guard status.canRevert else {
                throw UpdateRefusal(
                    description:
                        "found \(status.state.words), expected a release on trial or committed, with another that can be started and is not below the floor"
                )
            }
            await agent.send(.revert)
        }
        await agent.idle()
        return .status(try await status(of: agent))
    }

    private func install(_ request: UpdateInstallRequest, _ agent: UpdateAgent) async throws {
        if let name = request.medium {
            guard let medium = media.first(where: { $0.name == name }) else {
                throw UpdateRefusal(
                    description:
                        "medium: found \(name.prefix(40)), expected one of: \(media.map(\.name).joined(separator: ", "))"
                )
            }
            await repository.choose(medium: medium.path)
        }
        await tellWindow(agent)
        await agent.check()
        let status = await agent.status
        if let problem = status.problem { throw UpdateRefusal(description: problem) }
        if request.retry == true, case .offered(.failed) = status.state {
            await agent.send(.retry(status.record.release))
        }
    }

    private func consent(hours: Int, _ agent: UpdateAgent) async throws {
        guard (1...720).contains(hours) else {
            throw UpdateRefusal(description: "hours: found \(hours), expected 1 to 720")
        }
        let status = await agent.status
        guard status.state.isUnderWay else {
            throw UpdateRefusal(
                description: "found \(status.state.words), expected a release that waits for consent"
            )
        }
        await agent.send(
            .consent(release: status.record.release, until: now() + Int64(hours) * 3_600_000)
        )
    }

    /// Mounted media with a repository: at their top, or in `drimbox-update` (UPDATES 4.9).
    private var media: [(name: String, path: String)] {
        let directory = configuration.mediaDirectory
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.sorted().compactMap { name in
            ["\(directory)/\(name)/drimbox-update", "\(directory)/\(name)"].first { path in
                FileStamp(path + "/metadata") != nil
            }.map { (name, $0) }
        }
    }
}
