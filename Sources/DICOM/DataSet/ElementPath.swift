// SPDX-License-Identifier: Apache-2.0

/// Where an element is: through items of sequences down to its tag. Written as in a bulk data URI,
/// "54000100/1/54001010": sequence, item from 1, element.
package struct ElementPath: Hashable, Sendable, CustomStringConvertible {
    package struct Step: Hashable, Sendable {
        package let sequence: Tag
        /// From 1.
        package let item: Int
    }

    package let steps: [Step]
    package let tag: Tag

    package init(_ tag: Tag) {
        steps = []
        self.tag = tag
    }

    /// Nil where the segments name no element, or nest deeper than a data set may.
    package init?(segments: some BidirectionalCollection<String>) {
        guard segments.count % 2 == 1, segments.count <= 2 * DataSetLimits.nesting + 1,
            let tag = segments.last.flatMap({ Tag(hexadecimal: $0) })
        else { return nil }
        var steps: [Step] = []
        var rest = segments.dropLast()[...]
        while let sequence = rest.popFirst(), let item = rest.popFirst() {
            guard let sequence = Tag(hexadecimal: sequence), item.utf8.count <= 6,
                item.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let item = Int(item), item > 0
            else { return nil }
            steps.append(Step(sequence: sequence, item: item))
        }
        self.steps = steps
        self.tag = tag
    }

    package var description: String {
        (steps.map { "\($0.sequence.hexadecimal)/\($0.item)" } + [tag.hexadecimal]).joined(separator: "/")
    }
}
