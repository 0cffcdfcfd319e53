// SPDX-License-Identifier: Apache-2.0
// Every word of the pages, in French and in English.

const words = {
  title: ["Visionneuse", "Viewer"],
  notPrimary: ["Ne convient pas au diagnostic primaire", "Not for primary diagnosis"],
  loading: ["Chargement…", "Loading…"],
  loadingExam: ["Chargement de l’examen…", "Loading the exam…"],
  emptyView: ["Vue vide : choisissez une série", "Empty view: choose a series"],
  noExam: ["Aucun examen n’est ouvert.", "No exam is open."],
  contextFailed: ["L’examen ne peut être ouvert :", "The exam cannot be opened:"],
  notice: ["Information", "Notice"],
  "notice-arriving": ["Des images de l’examen arrivent encore.", "Images of the exam are still arriving."],
  "notice-incomplete": ["Toutes les images de l’examen ne sont pas arrivées.", "Not all images of the exam have arrived."],
  "notice-replaced": ["Le lien désigne un compte rendu remplacé : voici l’examen actuel.",
    "The link names a report that was replaced: this is the current exam."],
  "notice-withdrawn": ["Cet examen a été retiré par l’établissement.", "This exam was withdrawn by its site."],
  // Errors; what was found stands behind.
  ended: ["La session est terminée ou n’autorise pas cet objet.", "The session has ended, or does not permit this object."],
  gone: ["L’objet n’est pas disponible.", "The object is not available."],
  refused: ["L’objet n’a pu être lu.", "The object could not be read."],
  unreachable: ["Le serveur ne répond pas.", "The server does not answer."],
  unsupported: ["Ce codage de l’image n’est pas affichable.", "This coding of the image cannot be shown."],
  truncated: ["L’image est incomplète (octets trouvés / attendus).", "The image is incomplete (bytes found / expected)."],
  damaged: ["L’image est endommagée.", "The image is damaged."],
  badSize: ["Les dimensions de l’image sont incorrectes.", "The image's dimensions are wrong."],
  badTable: ["Une table de l’image est absente ou endommagée.", "A table of the image is missing or damaged."],
  ofInstance: ["Instance", "Instance"],
  frame: ["image", "frame"],
  image: ["image", "image"],
  // Around an image.
  imageOfSeries: ["Image de la série", "Image of the series"],
  keyImage: ["image clé", "key image"],
  keyImages: ["Images clés", "Key images"],
  inverted: ["inversé", "inverted"],
  table: ["table", "table"],
  lossy: ["compression avec pertes", "lossy compression"],
  reduced: ["affiché en 65 536 niveaux", "shown in 65,536 levels"],
  noSpacingShort: ["espacement inconnu", "spacing unknown"],
  noSpacing: ["espacement inconnu : pas de mesure en mm", "spacing unknown: no measure in mm"],
  noValues: ["image en couleur : pas de valeurs", "colour image: no values"],
  empty: ["aucun pixel", "no pixel"],
  atDetector: ["au détecteur", "at the detector"],
  mean: ["moy.", "mean"],
  deviation: ["é.-t.", "SD"],
  axial: ["axial", "axial"], coronal: ["coronal", "coronal"], sagittal: ["sagittal", "sagittal"],
  // Kinds of series.
  images: ["Images", "Images"], video: ["Vidéo", "Video"], pdf: ["Document PDF", "PDF document"],
  cda: ["Document CDA", "CDA document"], model: ["Modèle 3D", "3D model"], keyObjects: ["Sélection d’objets", "Object selection"],
  plan: ["Plan de traitement", "Treatment plan"], structures: ["Structures de radiothérapie", "Radiotherapy structures"],
  report: ["Compte rendu structuré", "Structured report"], presentation: ["État de présentation", "Presentation state"],
  waveform: ["Tracé (ECG…)", "Waveform (ECG…)"], other: ["Objet sans image", "Object without image"],
  notShown: ["Cet objet n’est pas affichable par cette visionneuse.", "This viewer cannot show this object."],
  cannotPlay: ["Le navigateur ne peut lire cette vidéo.", "The browser cannot play this video."],
  openDocument: ["Ouvrir le document dans un onglet", "Open the document in a tab"],
  saveObject: ["Enregistrer l’objet DICOM", "Save the DICOM object"],
  objectClass: ["Classe SOP", "SOP class"],
  objectDate: ["Date", "Date"],
  objectTitle: ["Titre", "Title"],
  reference: ["Référence", "Reference"],
  goToImage: ["Montrer l’image", "Show the image"],
  stateUnsupported: ["Non pris en charge dans cet état de présentation :", "Not supported of this presentation state:"],
  stateFailed: ["L’état de présentation n’a pas pu être appliqué.", "The presentation state could not be applied."],
  applyState: ["Appliquer à l’image", "Apply to the image"],
  notInExam: ["(hors de cet examen)", "(not in this exam)"],
  unverified: ["non vérifié", "unverified"], verified: ["vérifié", "verified"],
  // Panel.
  exams: ["Examens et séries", "Exams and series"],
  openExam: ["Ouvrir cet examen", "Open this exam"],
  series: ["Série", "Series"],
  countImage: ["image", "image"], countObject: ["objet", "object"],
  countImages: ["images", "images"],
  countObjects: ["objets", "objects"],
  noSeries: ["L’examen ne contient aucun objet.", "The exam has no object."],
  current: ["Examen", "Exam"], prior: ["Autre examen", "Other exam"],
  // Traits.
  traits: ["Identité du patient", "Patient identity"],
  birthName: ["Nom de naissance", "Birth name"], firstName: ["Premier prénom de naissance", "First given name at birth"],
  birthDate: ["Date de naissance", "Birth date"], sex: ["Sexe", "Sex"], birthPlace: ["Lieu de naissance", "Place of birth"],
  ins: ["Matricule INS", "INS number"], insOID: ["Nature du matricule", "Kind of number"],
  givenNames: ["Prénoms de naissance", "Given names at birth"], usedGivenName: ["Prénom utilisé", "Used given name"],
  usedName: ["Nom utilisé", "Used name"], patientID: ["Identifiant local", "Local identifier"],
  unknown: ["non renseigné", "unknown"],
  moreTraits: ["Tous les traits", "All traits"],
  "sex-M": ["masculin", "male"], "sex-F": ["féminin", "female"], "sex-O": ["autre", "other"], "sex-U": ["inconnu", "unknown"],
  "role-doctor": ["Professionnel", "Professional"], "role-patient": ["Patient", "Patient"],
  "role-representative": ["Représentant légal", "Legal representative"],
  // Toolbar.
  toolbar: ["Outils", "Tools"],
  panel: ["Séries", "Series"], more: ["Outils", "Tools"],
  "tool-scroll": ["Défiler", "Scroll"], "tool-window": ["Fenêtre", "Window"], "tool-pan": ["Déplacer", "Pan"],
  "tool-zoom": ["Zoom", "Zoom"], "tool-length": ["Longueur", "Length"], "tool-angle": ["Angle", "Angle"],
  "tool-ellipse": ["Ellipse", "Ellipse"], "tool-rectangle": ["Rectangle", "Rectangle"], "tool-probe": ["Valeur", "Probe"],
  removeLast: ["Effacer la mesure", "Remove measure"],
  presets: ["Fenêtrage", "Window preset"],
  soft: ["Tissus mous", "Soft tissue"], lung: ["Poumon", "Lung"], bone: ["Os", "Bone"], brain: ["Cerveau", "Brain"],
  mediastinum: ["Médiastin", "Mediastinum"], liver: ["Foie", "Liver"], angio: ["Vaisseaux", "Vessels"],
  stroke: ["AVC", "Stroke"], full: ["Toutes les valeurs", "All values"], ofImage: ["De l’image", "Of the image"],
  manual: ["Réglage manuel", "Set by hand"],
  layout: ["Disposition", "Layout"],
  turn: ["Tourner", "Rotate"], flipAcross: ["Miroir ↔", "Flip ↔"], flipDown: ["Miroir ↕", "Flip ↕"],
  invert: ["Inverser", "Invert"], reset: ["Réinitialiser", "Reset"], fit: ["Ajuster", "Fit"], actual: ["1:1", "1:1"],
  cine: ["Ciné", "Cine"], link: ["Lier", "Link"], lines: ["Repères", "Lines"], overlays: ["Surcouches", "Overlays"],
  mpr: ["MPR", "MPR"], reportDocument: ["Compte rendu", "Report"], fullScreen: ["Plein écran", "Full screen"],
  picture: ["PNG", "PNG"], paper: ["Imprimer", "Print"], download: ["Télécharger DICOM", "Download DICOM"],
  help: ["Aide", "Help"], language: ["English", "Français"], signOut: ["Fermer la session", "Sign out"],
  newWindow: ["Nouvelle fenêtre", "New window"],
  preparing: ["Préparation", "Preparing"],
  downloadFailed: ["Le téléchargement a échoué :", "The download failed:"],
  mprGeometry: ["MPR impossible : position ou espacement inconnus", "No MPR: position or spacing unknown"],
  mprFew: ["MPR impossible : moins de 3 coupes", "No MPR: fewer than 3 slices"],
  mprOrientation: ["MPR impossible : coupes non parallèles", "No MPR: slices are not parallel"],
  mprSize: ["MPR impossible : coupes de tailles différentes", "No MPR: slices of several sizes"],
  mprGap: ["MPR impossible : coupes inégalement espacées", "No MPR: slices are not equally far apart"],
  mprOblique: ["MPR impossible : volume incliné", "No MPR: the volume is sheared"],
  mprColour: ["MPR impossible : image en couleur ou de plus de 16 bits", "No MPR: colour, or more than 16 bits"],
  mprLUT: ["MPR impossible : table de modalité", "No MPR: Modality LUT"],
  mprLarge: ["MPR impossible : volume trop grand pour la mémoire", "No MPR: the volume is too large for memory"],
  closeReport: ["Fermer le compte rendu", "Close the report"],
  close: ["Fermer", "Close"],
  loaded: ["chargées", "loaded"],
  expires: ["Session jusqu’à", "Session until"],
  // Help.
  "key-scroll": ["image précédente, suivante (10 par 10)", "previous, next image (10 at a time)"],
  "key-ends": ["première, dernière image", "first, last image"],
  "key-series": ["série précédente, suivante", "previous, next series"],
  "key-view": ["vue suivante ; 1x1, 1x2, 2x2", "next view; 1x1, 1x2, 2x2"],
  "key-zoom": ["agrandir, réduire ; ajuster ; 1:1", "larger, smaller; fit; 1:1"],
  "key-pan": ["déplacer l’image", "move the image"],
  "key-window": ["fenêtre plus large, plus étroite ; niveau plus haut, plus bas", "window wider, narrower; level higher, lower"],
  "key-presets": ["fenêtrages dans l’ordre de la liste", "window presets in the order of the list"],
  "key-turn": ["tourner ; miroir ↔ ; miroir ↕ ; inverser ; réinitialiser", "rotate; flip ↔; flip ↕; invert; reset"],
  "key-tools": ["défiler, fenêtre, déplacer, zoom", "scroll, window, pan, zoom"],
  "key-measure": ["longueur, angle, ellipse, rectangle, valeur", "length, angle, ellipse, rectangle, probe"],
  "key-cursor": ["outil de mesure : déplacer le curseur (Maj : 10 pixels), poser un point, abandonner",
    "measuring tool: move the cursor (Shift: 10 pixels), put a place, give up"],
  "key-remove": ["effacer la dernière mesure", "remove the last measure"],
  "key-cine": ["ciné ; plus lent, plus vite", "cine; slower, faster"],
  "key-link": ["lier le défilement ; repères ; surcouches", "link scrolling; reference lines; overlays"],
  "key-mpr": ["MPR ; compte rendu ; plein écran", "MPR; report; full screen"],
  "key-help": ["aide ; panneau des séries", "help; panel of series"],
  pointerHelp: ["Souris : molette = défiler (Ctrl : zoom), bouton gauche = outil, milieu = déplacer, droit = zoom. "
    + "Écran tactile : un doigt = outil, deux doigts = zoom et déplacement.",
  "Mouse: wheel = scroll (Ctrl: zoom), left button = tool, middle = pan, right = zoom. "
    + "Touch: one finger = tool, two fingers = zoom and pan."],
  drawnBy: ["Rendu", "Drawn by"], decodedIn: ["Décodage", "Decoded in"], worker: ["tâches de fond", "workers"],
  page: ["la page", "the page"],
};

let chosen = "fr";

export const language = () => chosen;

export function setLanguage(name) {
  chosen = name === "en" ? "en" : "fr";
}

/** The words of a name; a name without words is itself, and a test finds it. */
export function phrase(name) {
  return words[name]?.[chosen === "fr" ? 0 : 1] ?? name;
}

export const phraseNames = () => Object.keys(words);

export const hasPhrase = (name) => words[name] !== undefined;

/** A number as the language writes it; `isShort`: without zeros at its end. */
export function decimal(number, digits, isShort = false) {
  return new Intl.NumberFormat(chosen === "fr" ? "fr-FR" : "en-GB", {
    minimumFractionDigits: isShort ? 0 : digits, maximumFractionDigits: digits, useGrouping: false,
  }).format(number);
}
