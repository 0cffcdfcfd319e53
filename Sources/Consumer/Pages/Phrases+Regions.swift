// SPDX-License-Identifier: Apache-2.0

extension Phrase {
    /// A region of JDV 1.2.250.1.213.1.1.5.695, by its code.
    static func region(_ code: String) -> Phrase { regions[code] ?? Phrase(code, code) }

    private static let regions: [String: Phrase] = [
        "63337009": Phrase("Abdomen et pelvis", "Abdomen and pelvis"),
        "38266002": Phrase("Corps entier", "Whole body"),
        "53120007": Phrase("Membres supérieurs", "Upper limbs"),
        "61685007": Phrase("Membres inférieurs", "Lower limbs"),
        "67734004": Phrase("Thorax", "Thorax"),
        "69536005": Phrase("Tête", "Head"),
        "45048000": Phrase("Cou", "Neck"),
        "113257007": Phrase("Cardiovasculaire", "Cardiovascular"),
        "80891009": Phrase("Cœur", "Heart"),
        "76752008": Phrase("Sein", "Breast"),
        "786880003": Phrase("Bouche et dents", "Mouth and teeth"),
        "737561001": Phrase("Colonne vertébrale", "Spine"),
        "774007": Phrase("Tête et cou", "Head and neck"),
    ]
}
