"""The few words that a theme says itself, per language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from babel import Locale, UnknownLocaleError
from babel.dates import format_date


@dataclass(frozen=True, slots=True)
class Words:
    """Words of the frame around an issue."""

    view_online: str = "View in browser"
    unsubscribe: str = "Unsubscribe"
    preferences: str = "Change your preferences"
    by: str = "By {name}"
    number: str = "No. {number}"
    read: str = "Read: {title}"
    whole_issue: str = "Read the whole issue online"
    why: str = "You get this letter because {email} was signed up for {publication}."
    reply: str = "Reply to this mail and it reaches the editors."


_WORDS: dict[str, Words] = {
    "en": Words(),
    "de": Words(
        "Im Browser ansehen", "Abmelden", "Einstellungen ändern", "Von {name}", "Nr. {number}", "Lesen: {title}",
        "Die ganze Ausgabe online lesen", "Sie bekommen diesen Brief, weil {email} für {publication} angemeldet wurde.",
        "Antworten Sie auf diese Mail, und die Redaktion liest es.",
    ),
    "fr": Words(
        "Voir dans le navigateur", "Se désabonner", "Modifier vos préférences", "Par {name}", "N° {number}",
        "Lire : {title}", "Lire tout le numéro en ligne",
        "Vous recevez cette lettre parce que {email} est inscrit à {publication}.", "Répondez à ce message pour joindre la rédaction.",
    ),
    "es": Words(
        "Ver en el navegador", "Darse de baja", "Cambiar preferencias", "Por {name}", "N.º {number}", "Leer: {title}",
        "Leer el número completo en línea", "Recibe esta carta porque {email} se suscribió a {publication}.",
        "Responda a este correo y llegará a la redacción.",
    ),
    "fa": Words(
        "مشاهده در مرورگر", "لغو اشتراک", "تغییر تنظیمات", "نوشتهٔ {name}", "شمارهٔ {number}", "بخوانید: {title}",
        "همهٔ شماره را آنلاین بخوانید", "این خبرنامه برای شما فرستاده شد چون {email} در {publication} مشترک است.",
        "به این نامه پاسخ دهید تا به دست سردبیران برسد.",
    ),
    "ar": Words(
        "عرض في المتصفح", "إلغاء الاشتراك", "تغيير التفضيلات", "بقلم {name}", "العدد {number}", "اقرأ: {title}",
        "اقرأ العدد كاملًا على الموقع", "تصلك هذه النشرة لأن {email} مسجّل في {publication}.", "ردّ على هذه الرسالة لتصل إلى التحرير.",
    ),
}  # fmt: skip


def words_for(language: str) -> Words:
    """Return the words in this language, in English when we have none."""
    return _WORDS.get(language.replace("_", "-").split("-")[0].lower(), _WORDS["en"])


def long_date(iso: str | None, language: str) -> str:
    """Return a date as people of that language write it, from an ISO 8601 time."""
    if not iso:
        return ""
    moment = datetime.fromisoformat(iso)
    try:
        locale = Locale.parse(language.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError):
        locale = Locale("en")
    return format_date(moment.date(), format="d MMMM y" if locale.language == "en" else "long", locale=locale)
