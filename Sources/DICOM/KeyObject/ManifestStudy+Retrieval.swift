// SPDX-License-Identifier: Apache-2.0

extension ManifestStudy {
    /// Warns of series whose images cannot be asked for, or not where they are expected: on `hosts`, in small
    /// letters, or on any where that is nil. What all series have in common becomes the context's.
    mutating func shareRetrieval(
        _ context: inout ManifestContext,
        hosts: Set<String>?,
        _ warnings: inout ManifestWarnings
    ) {
        for series in series {
            let uid = series.seriesInstanceUID
            guard let url = series.retrieveURL else {
                if series.retrieveLocationUID == nil { warnings.append(.noRetrieval(series: uid)) }
                continue
            }
            if let host = RetrieveURL.host(url) {
                if let hosts, !hosts.contains(host) { warnings.append(.foreignHost(host, series: uid)) }
            } else {
                warnings.append(.invalidURL(series: uid))
            }
        }
        let urls = series.map(\.retrieveURL)
        let locations = series.map(\.retrieveLocationUID)
        context.retrieveURL = urls.contains(nil) ? "" : urls.first.flatMap { $0 } ?? ""
        context.retrieveLocationUID = locations.contains(nil) ? nil : locations.first.flatMap { $0 }
        for index in series.indices {
            if series[index].retrieveURL == context.retrieveURL { series[index].retrieveURL = nil }
            if series[index].retrieveLocationUID == context.retrieveLocationUID {
                series[index].retrieveLocationUID = nil
            }
        }
    }
}
