# SPDX-License-Identifier: Apache-2.0
"""Professionals as userinfo of Pro Sante Connect describes them; none of them exists."""
import json

SECTORS = "1.2.250.1.71.4.2.4"
ROLES = "1.2.250.1.213.1.1.5.5"


def activity(sector, name, identifier, finess=None, siret=None):
    return {"codeSecteurDactivite": "%s^%s" % (sector, SECTORS), "raisonSocialeSite": name,
            "ancienIdentifiantDeLaStructure": identifier, "identifiantTechniqueDeLaStructure": "R" + identifier,
            "numeroFinessSite": finess, "numeroSiretSite": siret}


def professional(identifier, family, given, specialty, activities):
    """Userinfo of a physician; `specialty` is a codeSavoirFaire."""
    return {
        "sub": "f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd:" + identifier,
        "SubjectNameID": identifier, "preferred_username": identifier, "family_name": family, "given_name": given,
        "SubjectRole": ["10^" + ROLES], "SubjectOrganization": activities[0]["raisonSocialeSite"],
        "SubjectOrganizationID": activities[0]["ancienIdentifiantDeLaStructure"],
        "Secteur_Activite": activities[0]["codeSecteurDactivite"],
        "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1", "Mode_Acces_Raison": "",
        "otherIds": [{"identifiant": identifier, "origine": "RPPS", "qualite": 1}],
        "SubjectRefPro": {"codeCivilite": "DR", "exercices": [{
            "codeProfession": "10", "codeCategorieProfessionnelle": "C", "codeCivilitedexercice": "DR",
            "nomDexercice": family, "prenomDexercice": given, "codeTypeSavoirFaire": "S", "codeSavoirFaire": specialty,
            "activities": activities}]}}


LAB = [
    professional("899700000001", "RADIO", "Zoé", "SM44", [
        activity("SA09", "Centre de radiologie Ambroise", "1750803447", finess="750803447")]),
    professional("899700000002", "GENERALISTE", "Léa", "SM54", [
        activity("SA07", "Cabinet du Port", "499700000012345", siret="49970000001234"),
        activity("SA01", "Hôpital de la Colline", "1300017985", finess="300017985")]),
    professional("899700367909", "CARDIO", "Noé", "SM04", [
        activity("SA08", "Cabinet B", "1300017985", finess="300017985")]),
]


def read(path):
    """A list of userinfo objects from a JSON file."""
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    if not isinstance(found, list) or not all(isinstance(one, dict) and one.get("sub") for one in found):
        raise ValueError("%s: expected a list of userinfo objects, each with sub" % path)
    return found


def name(userinfo):
    """What the provider calls a professional: the national identifier."""
    return userinfo.get("SubjectNameID") or userinfo.get("preferred_username") or userinfo["sub"]


def label(userinfo):
    sites = [site.get("raisonSocialeSite", "") for exercise in userinfo.get("SubjectRefPro", {}).get("exercices", [])
             for site in exercise.get("activities", [])]
    who = " ".join(filter(None, [userinfo.get("given_name"), userinfo.get("family_name"), "(%s)" % name(userinfo)]))
    return " - ".join([who] + sites)
