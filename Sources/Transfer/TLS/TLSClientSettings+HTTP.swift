// SPDX-License-Identifier: Apache-2.0
package import NIOSSL

extension TLSClientSettings {
    /// For an HTTP client: authorities, our own certificate, versions and ciphers. Names are checked against each URL's
    /// host; revocation is not looked at.
    package func httpConfiguration() throws -> TLSConfiguration {
        let credentials: TLSCredentials?
        if let files = self.credentials { credentials = try TLSCredentials(files) } else { credentials = nil }
        return TLSProfile.http(
            minimumVersion: minimumVersion,
            authorities: try TLSAuthorities(file: authorities),
            credentials: credentials
        )
    }
}
