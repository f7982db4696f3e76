"""First drafts of the answers in each of our languages. All begin and end alike; two people approve what is sent."""

from notifications.models import InquiryAnswer

Case = InquiryAnswer.Case

SUBJECTS = {
    "en": "Your question to {{ organisation }} about a security incident, reference {{ code }}",
    "de": "Ihre Frage an {{ organisation }} zu einem Sicherheitsvorfall, Code {{ code }}",
    "fr": "Votre question à {{ organisation }} sur un incident de sécurité, code {{ code }}",
    "es": "Su pregunta a {{ organisation }} sobre un incidente de seguridad, código {{ code }}",
    "ar": "سؤالك إلى {{ organisation }} عن حادث أمني، الرمز {{ code }}",
}  # fmt: skip

OPENING = {
    "en": "Somebody, probably you, asked us on our page whether this address belongs to an account that is "
          "affected by a security incident. This message is for this mailbox alone. Its reference code is {{ code "
          "}}.",
    "de": "Jemand, wahrscheinlich Sie, hat uns auf unserer Seite gefragt, ob diese Adresse zu einem Konto gehört, "
          "das von einem Sicherheitsvorfall betroffen ist. Diese Nachricht ist nur für dieses Postfach. Ihr Code "
          "ist {{ code }}.",
    "fr": "Quelqu’un, sans doute vous, nous a demandé sur notre page si cette adresse appartient à un compte "
          "concerné par un incident de sécurité. Ce message n’est que pour cette boîte. Son code est {{ code }}.",
    "es": "Alguien, probablemente usted, nos preguntó en nuestra página si esta dirección pertenece a una cuenta "
          "afectada por un incidente de seguridad. Este mensaje es solo para este buzón. Su código es {{ code }}.",
    "ar": "سألنا شخص ما، لعله أنت، في صفحتنا: هل هذا العنوان تابع لحساب تأثر بحادث أمني؟ هذه الرسالة لصندوق البريد "
          "هذا وحده. رمزها هو {{ code }}.",
}  # fmt: skip

CLOSING = {
    "en": "All we have said about the incident: {{ page }}\n\nYou need no link: type {{ domain }} into your "
          "browser. We ask for no password and attach no file. If it was not you who asked, there is nothing you "
          "have to do.",
    "de": "Alles, was wir zu dem Vorfall gesagt haben: {{ page }}\n\nSie brauchen keinen Link: Geben Sie {{ domain "
          "}} in Ihren Browser ein. Wir fragen nach keinem Passwort und hängen keine Datei an. Haben nicht Sie "
          "gefragt, brauchen Sie nichts zu tun.",
    "fr": "Tout ce que nous avons dit de l’incident : {{ page }}\n\nAucun lien n’est nécessaire : tapez {{ domain "
          "}} dans votre navigateur. Nous ne demandons aucun mot de passe et ne joignons aucun fichier. Si ce "
          "n’est pas vous qui avez demandé, vous n’avez rien à faire.",
    "es": "Todo lo que hemos dicho del incidente: {{ page }}\n\nNo necesita ningún enlace: escriba {{ domain }} en "
          "su navegador. No pedimos contraseñas ni adjuntamos archivos. Si no fue usted quien preguntó, no tiene "
          "que hacer nada.",
    "ar": "كل ما قلناه عن الحادث: {{ page }}\n\nلست بحاجة إلى رابط: اكتب {{ domain }} في متصفحك. لا نطلب كلمة مرور "
          "ولا نرفق ملفًا. إن لم تكن أنت من سأل فلا حاجة إلى فعل شيء.",
}  # fmt: skip

SAID: dict[str, dict[str, str]] = {
    Case.NOT_LISTED: {
        "en": "**As of {{ as_of }}, this address is not on our list of affected accounts.**\n\n{{ meaning }}\n\n{{ "
              "promise }}",
        "de": "**Stand {{ as_of }}: Diese Adresse steht nicht auf unserer Liste betroffener Konten.**\n\n{{ "
              "meaning }}\n\n{{ promise }}",
        "fr": "**Au {{ as_of }}, cette adresse ne figure pas sur notre liste de comptes concernés.**\n\n{{ meaning "
              "}}\n\n{{ promise }}",
        "es": "**A fecha de {{ as_of }}, esta dirección no está en nuestra lista de cuentas afectadas.**\n\n{{ "
              "meaning }}\n\n{{ promise }}",
        "ar": "**حتى {{ as_of }}، هذا العنوان ليس في قائمتنا للحسابات المتأثرة.**\n\n{{ meaning }}\n\n{{ promise }}",
    },
    Case.RULED_OUT: {
        "en": "**As of {{ as_of }}, the account of this address is not affected.** It was on our list, and we have "
              "found since that it does not belong there. There is nothing you have to do.",
        "de": "**Stand {{ as_of }}: Das Konto dieser Adresse ist nicht betroffen.** Es stand auf unserer Liste, "
              "und wir haben seither festgestellt, dass es nicht dorthin gehört. Sie brauchen nichts zu tun.",
        "fr": "**Au {{ as_of }}, le compte de cette adresse n’est pas concerné.** Il figurait sur notre liste, et "
              "nous avons établi depuis qu’il n’y a pas sa place. Vous n’avez rien à faire.",
        "es": "**A fecha de {{ as_of }}, la cuenta de esta dirección no está afectada.** Estaba en nuestra lista, "
              "y hemos comprobado después que no debe estar. No tiene que hacer nada.",
        "ar": "**حتى {{ as_of }}، حساب هذا العنوان غير متأثر.** كان في قائمتنا، ثم تبيّن لنا أنه لا يخصها. لا حاجة "
              "إلى فعل شيء.",
    },
    Case.LISTED: {
        "en": "**As of {{ as_of }}, this address is on our list of accounts that are, or may be, affected.** What "
              "you can do stands on the page. We have not sent the notice with the details of this account; what "
              "that means:\n\n{{ meaning }}",
        "de": "**Stand {{ as_of }}: Diese Adresse steht auf unserer Liste von Konten, die betroffen sind oder sein "
              "können.** Was Sie tun können, steht auf der Seite. Die Mitteilung mit Einzelheiten zu diesem Konto "
              "haben wir nicht geschickt; was das heißt:\n\n{{ meaning }}",
        "fr": "**Au {{ as_of }}, cette adresse figure sur notre liste de comptes qui sont, ou peuvent être, "
              "concernés.** Ce que vous pouvez faire se trouve sur la page. Nous n’avons pas envoyé l’avis avec "
              "les détails de ce compte ; ce que cela veut dire :\n\n{{ meaning }}",
        "es": "**A fecha de {{ as_of }}, esta dirección está en nuestra lista de cuentas que están, o pueden "
              "estar, afectadas.** Lo que puede hacer está en la página. No hemos enviado el aviso con los "
              "detalles de esta cuenta; qué significa:\n\n{{ meaning }}",
        "ar": "**حتى {{ as_of }}، هذا العنوان في قائمتنا للحسابات المتأثرة أو التي قد تكون متأثرة.** ما يمكنك فعله "
              "مذكور في الصفحة. لم نرسل الإشعار الذي فيه تفاصيل هذا الحساب، ومعنى ذلك:\n\n{{ meaning }}",
    },
    Case.ELSEWHERE: {
        "en": "**We do not answer this question at this address.** Of some mailboxes we cannot be sure who reads "
              "them. Please type {{ domain }} into your browser and ask us there, or call us.",
        "de": "**Diese Frage beantworten wir nicht an diese Adresse.** Bei manchen Postfächern können wir nicht "
              "sicher sein, wer sie liest. Bitte geben Sie {{ domain }} in Ihren Browser ein und fragen Sie uns "
              "dort, oder rufen Sie uns an.",
        "fr": "**Nous ne répondons pas à cette question à cette adresse.** Pour certaines boîtes, nous ne pouvons "
              "pas être sûrs de qui les lit. Tapez {{ domain }} dans votre navigateur et posez-nous la question "
              "là, ou appelez-nous.",
        "es": "**No respondemos a esta pregunta en esta dirección.** De algunos buzones no podemos estar seguros "
              "de quién los lee. Escriba {{ domain }} en su navegador y pregúntenos allí, o llámenos.",
        "ar": "**لا نجيب عن هذا السؤال على هذا العنوان.** لا يمكننا التأكد ممن يقرأ بعض صناديق البريد. اكتب {{ "
              "domain }} في متصفحك واسألنا هناك، أو اتصل بنا.",
    },
    Case.CHANGED: {
        "en": "You asked us to write again if our answer changes. **It has changed: as of {{ as_of }}, this "
              "address is on our list of accounts that are, or may be, affected.** We wrote to the account at "
              "another of its addresses; whoever reads that one has the details. What you can do stands on the "
              "page.",
        "de": "Sie baten uns, wieder zu schreiben, wenn sich unsere Antwort ändert. **Sie hat sich geändert: Stand "
              "{{ as_of }} steht diese Adresse auf unserer Liste von Konten, die betroffen sind oder sein "
              "können.** Wir haben dem Konto an eine andere seiner Adressen geschrieben; wer sie liest, hat die "
              "Einzelheiten. Was Sie tun können, steht auf der Seite.",
        "fr": "Vous nous avez demandé d’écrire à nouveau si notre réponse change. **Elle a changé : au {{ as_of "
              "}}, cette adresse figure sur notre liste de comptes qui sont, ou peuvent être, concernés.** Nous "
              "avons écrit au compte à une autre de ses adresses ; qui la lit a les détails. Ce que vous pouvez "
              "faire se trouve sur la page.",
        "es": "Nos pidió que escribiéramos de nuevo si cambia nuestra respuesta. **Ha cambiado: a fecha de {{ "
              "as_of }}, esta dirección está en nuestra lista de cuentas que están, o pueden estar, afectadas.** "
              "Escribimos a la cuenta a otra de sus direcciones; quien la lee tiene los detalles. Lo que puede "
              "hacer está en la página.",
        "ar": "طلبت منا أن نكتب إليك إن تغيّر جوابنا. **لقد تغيّر: حتى {{ as_of }}، هذا العنوان في قائمتنا "
              "للحسابات المتأثرة أو التي قد تكون متأثرة.** كتبنا إلى الحساب على عنوان آخر من عناوينه، ولدى من "
              "يقرؤه التفاصيل. ما يمكنك فعله مذكور في الصفحة.",
    },
}  # fmt: skip

PROMISES = {
    "en": {
        "news": "If that changes, we will write to this address, as you asked, until the list is final.",
        "no_news": "We do not keep this address, so we will not write to it by ourselves on account of this "
                   "question: ask again in some days if you want to be sure.",
        "final": "This list is final: we expect no change.",
    },
    "de": {
        "news": "Ändert sich das, schreiben wir an diese Adresse, wie Sie es wünschten, bis die Liste endgültig "
                "ist.",
        "no_news": "Wir bewahren diese Adresse nicht auf und schreiben wegen dieser Frage nicht von uns aus: "
                   "Fragen Sie in einigen Tagen noch einmal, wenn Sie sicher sein wollen.",
        "final": "Diese Liste ist endgültig: Wir erwarten keine Änderung.",
    },
    "fr": {
        "news": "Si cela change, nous écrirons à cette adresse, comme vous l’avez demandé, jusqu’à ce que la liste "
                "soit définitive.",
        "no_news": "Nous ne gardons pas cette adresse et n’y écrirons donc pas de nous-mêmes à propos de cette "
                   "question : redemandez dans quelques jours si vous voulez être sûr.",
        "final": "Cette liste est définitive : nous n’attendons pas de changement.",
    },
    "es": {
        "news": "Si eso cambia, escribiremos a esta dirección, como pidió, hasta que la lista sea definitiva.",
        "no_news": "No guardamos esta dirección, así que no le escribiremos por nuestra cuenta a raíz de esta "
                   "pregunta: pregunte otra vez en unos días si quiere estar seguro.",
        "final": "Esta lista es definitiva: no esperamos cambios.",
    },
    "ar": {
        "news": "إن تغيّر ذلك كتبنا إلى هذا العنوان كما طلبت، إلى أن تصبح القائمة نهائية.",
        "no_news": "لا نحتفظ بهذا العنوان، فلن نكتب إليه من تلقاء أنفسنا بسبب هذا السؤال: اسأل مرة أخرى بعد أيام "
                   "إن أردت التأكد.",
        "final": "هذه القائمة نهائية: لا نتوقع تغييرًا.",
    },
}  # fmt: skip


def first_draft(case: str, language: str) -> tuple[str, str]:
    """(subject, body) a set of answers begins with. The subject is the same for every case: it tells nothing."""
    parts = (OPENING[language], SAID[case][language], CLOSING[language])
    return SUBJECTS[language], "\n\n".join(parts) + "\n"
