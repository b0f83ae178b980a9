"""The few words that the public archive says itself, per language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArchiveWords:
    """Words around issues and authors."""

    archive: str = "Archive"
    authors: str = "Authors"
    nothing: str = "No issue is out yet."
    nobody: str = "Nobody has written here yet."
    join: str = "Get it by mail"
    join_more: str = "Each issue in your inbox. One click and you have left again."
    subscribe: str = "Subscribe"
    newer: str = "Newer"
    older: str = "Older"
    contents: str = "In this issue"
    neighbours: str = "Other issues"
    story: str = "Read the whole story"
    more: str = "Read more"
    mail: str = "The mail itself, as it was sent"
    posted: str = "Posted on:"
    sent_in: str = "Sent in"
    unsent: str = "Not in an issue yet"


_WORDS: dict[str, ArchiveWords] = {
    "en": ArchiveWords(),
    "de": ArchiveWords(
        "Archiv", "Autoren", "Noch ist keine Ausgabe erschienen.", "Hier hat noch niemand geschrieben.",
        "Per Mail lesen", "Jede Ausgabe in Ihrem Postfach. Ein Klick, und Sie sind wieder abgemeldet.", "Abonnieren",
        "Neuere", "Ältere", "In dieser Ausgabe", "Andere Ausgaben", "Den ganzen Beitrag lesen", "Weiterlesen",
        "Die Mail, wie sie verschickt wurde", "Veröffentlicht am:", "Erschienen in", "Noch in keiner Ausgabe",
    ),
    "fr": ArchiveWords(
        "Archives", "Auteurs", "Aucun numéro n’est encore paru.", "Personne n’a encore écrit ici.",
        "Recevoir par courriel", "Chaque numéro dans votre boîte. Un clic suffit pour vous désabonner.", "S’abonner",
        "Plus récents", "Plus anciens", "Dans ce numéro", "Autres numéros", "Lire tout l’article", "Lire la suite",
        "Le courriel tel qu’il a été envoyé", "Publié le :", "Paru dans", "Dans aucun numéro pour l’instant",
    ),
    "es": ArchiveWords(
        "Archivo", "Autores", "Todavía no ha salido ningún número.", "Todavía no ha escrito nadie aquí.",
        "Recibir por correo", "Cada número en su buzón. Un clic y queda dado de baja.", "Suscribirse",
        "Más recientes", "Más antiguos", "En este número", "Otros números", "Leer el artículo completo", "Leer más",
        "El correo tal como se envió", "Publicado el:", "Salió en", "Todavía en ningún número",
    ),
    "fa": ArchiveWords(
        "بایگانی", "نویسندگان", "هنوز شماره‌ای منتشر نشده است.", "هنوز کسی اینجا ننوشته است.",
        "دریافت با ایمیل", "هر شماره در صندوق ایمیل شما؛ با یک کلیک لغو می‌شود.", "اشتراک",
        "تازه‌تر", "قدیمی‌تر", "در این شماره", "شماره‌های دیگر", "متن کامل را بخوانید", "ادامهٔ مطلب",
        "ایمیل، همان‌گونه که فرستاده شد", "تاریخ انتشار:", "منتشرشده در", "هنوز در شماره‌ای نیامده",
    ),
    "ar": ArchiveWords(
        "الأرشيف", "الكتّاب", "لم يصدر أي عدد بعد.", "لم يكتب أحد هنا بعد.",
        "استلمها بالبريد", "كل عدد في بريدك. نقرة واحدة تلغي اشتراكك.", "اشترك",
        "الأحدث", "الأقدم", "في هذا العدد", "أعداد أخرى", "اقرأ المقال كاملًا", "اقرأ المزيد",
        "الرسالة كما أُرسلت", "نُشر في:", "صدر في", "لم يُدرج في عدد بعد",
    ),
}  # fmt: skip


def archive_words(language: str) -> ArchiveWords:
    """Return the words of a language, or English ones."""
    return _WORDS.get(language.replace("_", "-").split("-")[0].lower(), _WORDS["en"])
