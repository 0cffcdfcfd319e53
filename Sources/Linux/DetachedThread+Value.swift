// SPDX-License-Identifier: Apache-2.0

extension DetachedThread {
    /// What `body` returns, which may block: it runs on a thread of its own, where the cooperative pool's must not wait.
    package static func value<Value: Sendable>(
        of body: @escaping @Sendable () -> Value
    ) async -> Value {
        await withCheckedContinuation { (continuation: CheckedContinuation<Value, Never>) in
            let isRunning = start { continuation.resume(returning: body()) }
            // Slower for everybody else, but done.
            if !isRunning { continuation.resume(returning: body()) }
        }
    }
}
