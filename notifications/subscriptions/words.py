"""What stands around an Update in a subscriber's own language. The Update itself stays in the language of its page."""

from notifications.composing import languages

PHASES = ("investigating", "identified", "monitoring", "resolved", "withdrawn")

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "question_subject": "Do you want to follow security incidents at {organisation}?",
        "question": "Somebody, probably you, asked us to send updates to this address: {what}.",
        "one": "about the incident “{title}”", "all": "about every security incident at {organisation}",
        "press": "To say yes, open this page and press the button, within 7 days:",
        "nothing": "If it was not you, do nothing: you will get no updates, and we forget this address after 7 days.",
        "never": "So that nobody can have you asked again:",
        "already_subject": "You follow security incidents at {organisation}",
        "already": "You asked to get updates. You do already: {what}. There is nothing to do.",
        "update_subject": "{organisation}: {title}",
        "correction": "Correction", "was": "We said:", "now": "Correct is:",
        "page": "The whole page, always with the latest:",
        "why": "You get this because you follow {what}. It asks nothing of you: where your account is concerned we "
               "write to you separately.",
        "stop": "To get no more of these:",
        "investigating": "Investigating", "identified": "Identified", "monitoring": "Monitoring",
        "resolved": "Resolved", "withdrawn": "Withdrawn",
    },
    "de": {
        "question_subject": "Möchten Sie Sicherheitsvorfällen bei {organisation} folgen?",
        "question": "Jemand, wahrscheinlich Sie, hat uns gebeten, Neuigkeiten an diese Adresse zu schicken: {what}.",
        "one": "zum Vorfall „{title}“", "all": "zu allen Sicherheitsvorfällen bei {organisation}",
        "press": "Um zuzustimmen, öffnen Sie innerhalb von 7 Tagen diese Seite und drücken den Knopf:",
        "nothing": "Waren Sie es nicht, brauchen Sie nichts zu tun: Sie bekommen keine Neuigkeiten, und nach 7 Tagen "
                   "vergessen wir diese Adresse.",
        "never": "Damit niemand Sie noch einmal fragen lassen kann:",
        "already_subject": "Sie folgen den Sicherheitsvorfällen bei {organisation}",
        "already": "Sie wollten Neuigkeiten bekommen. Das ist schon der Fall: {what}. Es ist nichts zu tun.",
        "update_subject": "{organisation}: {title}",
        "correction": "Richtigstellung", "was": "Wir sagten:", "now": "Richtig ist:",
        "page": "Die ganze Seite, immer auf dem neuesten Stand:",
        "why": "Sie bekommen das, weil Sie uns folgen, {what}. Sie müssen nichts tun: Betrifft es Ihr Konto, "
               "schreiben wir Ihnen eigens.",
        "stop": "Um nichts mehr davon zu bekommen:",
        "investigating": "In Untersuchung", "identified": "Ursache gefunden", "monitoring": "Unter Beobachtung",
        "resolved": "Behoben", "withdrawn": "Zurückgezogen",
    },
    "fr": {
        "question_subject": "Souhaitez-vous suivre les incidents de sécurité chez {organisation} ?",
        "question": "Quelqu’un, sans doute vous, nous a demandé d’envoyer des nouvelles à cette adresse : {what}.",
        "one": "sur l’incident « {title} »", "all": "sur tous les incidents de sécurité chez {organisation}",
        "press": "Pour accepter, ouvrez cette page et pressez le bouton, dans les 7 jours :",
        "nothing": "Si ce n’était pas vous, ne faites rien : vous ne recevrez pas de nouvelles, et nous oublierons "
                   "cette adresse après 7 jours.",
        "never": "Pour que personne ne puisse plus vous faire poser cette question :",
        "already_subject": "Vous suivez les incidents de sécurité chez {organisation}",
        "already": "Vous avez demandé des nouvelles. Vous les recevez déjà : {what}. Il n’y a rien à faire.",
        "update_subject": "{organisation} : {title}",
        "correction": "Rectification", "was": "Nous disions :", "now": "Ce qui est juste :",
        "page": "La page entière, toujours à jour :",
        "why": "Vous recevez ce message parce que vous suivez nos nouvelles {what}. Il ne vous demande rien : si votre "
               "compte est concerné, nous vous écrivons à part.",
        "stop": "Pour ne plus en recevoir :",
        "investigating": "Enquête en cours", "identified": "Cause trouvée", "monitoring": "Sous surveillance",
        "resolved": "Résolu", "withdrawn": "Retiré",
    },
    "es": {
        "question_subject": "¿Quiere seguir los incidentes de seguridad de {organisation}?",
        "question": "Alguien, probablemente usted, pidió que enviáramos novedades a esta dirección: {what}.",
        "one": "sobre el incidente «{title}»", "all": "sobre todos los incidentes de seguridad de {organisation}",
        "press": "Para aceptar, abra esta página y pulse el botón, antes de 7 días:",
        "nothing": "Si no fue usted, no haga nada: no recibirá novedades y olvidaremos esta dirección a los 7 días.",
        "never": "Para que nadie pueda hacer que se le pregunte otra vez:",
        "already_subject": "Usted sigue los incidentes de seguridad de {organisation}",
        "already": "Pidió recibir novedades. Ya las recibe: {what}. No hay nada que hacer.",
        "update_subject": "{organisation}: {title}",
        "correction": "Rectificación", "was": "Dijimos:", "now": "Lo correcto es:",
        "page": "La página completa, siempre al día:",
        "why": "Recibe esto porque sigue nuestras novedades {what}. No le pide nada: si se trata de su cuenta, le "
               "escribimos aparte.",
        "stop": "Para no recibir más:",
        "investigating": "En investigación", "identified": "Causa hallada", "monitoring": "En observación",
        "resolved": "Resuelto", "withdrawn": "Retirado",
    },
    "ar": {
        "question_subject": "هل تريد متابعة الحوادث الأمنية لدى {organisation}؟",
        "question": "طلب شخص ما، لعله أنت، أن نرسل المستجدات إلى هذا العنوان: {what}.",
        "one": "عن الحادث «{title}»", "all": "عن كل الحوادث الأمنية لدى {organisation}",
        "press": "للموافقة افتح هذه الصفحة واضغط الزر خلال 7 أيام:",
        "nothing": "إن لم تكن أنت فلا تفعل شيئًا: لن تصلك مستجدات، وسننسى هذا العنوان بعد 7 أيام.",
        "never": "كي لا يستطيع أحد أن يجعلنا نسألك مرة أخرى:",
        "already_subject": "أنت تتابع الحوادث الأمنية لدى {organisation}",
        "already": "طلبت أن تصلك المستجدات، وهي تصلك بالفعل: {what}. لا حاجة إلى فعل شيء.",
        "update_subject": "{organisation}: {title}",
        "correction": "تصحيح", "was": "قلنا:", "now": "والصحيح:",
        "page": "الصفحة كاملة، وفيها آخر المستجدات دائمًا:",
        "why": "تصلك هذه الرسالة لأنك تتابعنا {what}. وهي لا تطلب منك شيئًا: إن كان حسابك معنيًا كتبنا إليك على حدة.",
        "stop": "لإيقاف هذه الرسائل:",
        "investigating": "قيد التحقيق", "identified": "عُرف السبب", "monitoring": "قيد المراقبة",
        "resolved": "انتهى", "withdrawn": "سُحب",
    },
}  # fmt: skip

CHOICES = [(code, {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ar": "العربية"}[code])
           for code in WORDS]  # fmt: skip


def of(language: str) -> dict[str, str]:
    """The words of this language; English where there are none."""
    return WORDS[languages.spoken(language)]
