"""The same eight sentences in several languages, some seven seconds each.

Japanese is in kana and Arabic has its vowel signs: eSpeak NG knows no characters and guesses no
vowels.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """What is said in a language.

    Attributes:
        espeak: eSpeak NG's name of it.
        code: ISO 639-1, as clip lists have it.
        sentences: to be said.
    """

    espeak: str
    code: str
    sentences: tuple[str, ...]


ENGLISH = "English"
LANGUAGES = {
    ENGLISH: Language(
        "en-us",
        "en",
        (
            "On Sunday morning my family walks to the market by the river, and my brother always "
            "wants a cup of hot chocolate.",
            "Please put both of the blue books back on the top shelf before you leave the room "
            "this afternoon.",
            "The weather was so bad last week that nobody wanted to go out, so we stayed at home "
            "and played music.",
            "My grandmother bakes bread with apples and butter, and the whole house smells "
            "wonderful for two days.",
            "If you follow this road past the old bridge, you will soon see a small white church "
            "among the trees.",
            "We would like to move the meeting to Thursday, because most of our people are "
            "travelling tomorrow.",
            "He opened the window, looked up at the moon, and thought about everything that had "
            "happened this year.",
            "Young children learn new words very quickly when someone reads a good story to them "
            "every evening.",
        ),
    ),
    "German": Language(
        "de",
        "de",
        (
            "Am Sonntagmorgen geht meine Familie zum Markt am Fluss, und mein Bruder möchte immer "
            "eine heiße Schokolade.",
            "Bitte stellen Sie die beiden blauen Bücher wieder oben ins Regal, bevor Sie heute "
            "Nachmittag das Zimmer verlassen.",
            "Letzte Woche war das Wetter so schlecht, dass niemand hinausgehen wollte, also "
            "blieben wir zu Hause und machten Musik.",
            "Meine Großmutter backt Brot mit Äpfeln und Butter, und das ganze Haus duftet zwei "
            "Tage lang wunderbar.",
            "Wenn Sie dieser Straße an der alten Brücke vorbei folgen, sehen Sie bald eine kleine "
            "weiße Kirche zwischen den Bäumen.",
            "Wir möchten die Besprechung auf Donnerstag verschieben, weil die meisten von uns "
            "morgen unterwegs sind.",
            "Er öffnete das Fenster, blickte zum Mond hinauf und dachte an alles, was in diesem "
            "Jahr geschehen war.",
            "Kleine Kinder lernen neue Wörter sehr schnell, wenn ihnen jeden Abend jemand eine "
            "gute Geschichte vorliest.",
        ),
    ),
    "French": Language(
        "fr",
        "fr",
        (
            "Le dimanche matin, ma famille va à pied au marché près de la rivière, et mon frère "
            "veut toujours un chocolat chaud.",
            "Veuillez remettre les deux livres bleus sur l'étagère du haut avant de quitter la "
            "pièce cet après-midi.",
            "La semaine dernière, il faisait si mauvais que personne ne voulait sortir, alors nous "
            "avons joué de la musique.",
            "Ma grand-mère fait du pain avec des pommes et du beurre, et toute la maison sent bon "
            "pendant deux jours.",
            "Si vous suivez cette route après le vieux pont, vous verrez bientôt une petite église "
            "blanche parmi les arbres.",
            "Nous voudrions déplacer la réunion à jeudi, parce que la plupart d'entre nous seront "
            "en voyage demain.",
            "Il ouvrit la fenêtre, regarda la lune et pensa à tout ce qui s'était passé pendant "
            "cette année.",
            "Les jeunes enfants apprennent très vite de nouveaux mots quand on leur lit une bonne "
            "histoire tous les soirs.",
        ),
    ),
    "Spanish": Language(
        "es",
        "es",
        (
            "El domingo por la mañana mi familia va al mercado junto al río, y mi hermano siempre "
            "quiere un chocolate caliente.",
            "Por favor, vuelva a poner los dos libros azules en el estante de arriba antes de "
            "salir de la sala esta tarde.",
            "La semana pasada hizo tan mal tiempo que nadie quería salir, así que nos quedamos en "
            "casa y tocamos música.",
            "Mi abuela hace pan con manzanas y mantequilla, y toda la casa huele de maravilla "
            "durante dos días.",
            "Si sigue este camino después del puente viejo, pronto verá una pequeña iglesia blanca "
            "entre los árboles.",
            "Quisiéramos cambiar la reunión al jueves, porque la mayor parte de nuestra gente "
            "viaja mañana.",
            "Abrió la ventana, miró la luna y pensó en todo lo que había pasado a lo largo de este "
            "año.",
            "Los niños pequeños aprenden palabras nuevas muy rápido cuando alguien les lee un buen "
            "cuento cada noche.",
        ),
    ),
    "Italian": Language(
        "it",
        "it",
        (
            "La domenica mattina la mia famiglia va al mercato vicino al fiume, e mio fratello "
            "vuole sempre una cioccolata calda.",
            "Per favore, rimetta i due libri blu sullo scaffale in alto prima di uscire dalla "
            "stanza questo pomeriggio.",
            "La settimana scorsa il tempo era tanto brutto che nessuno voleva uscire, e abbiamo "
            "suonato un po' di musica.",
            "Mia nonna prepara il pane con le mele e il burro, e tutta la casa profuma per due "
            "giorni.",
            "Se segue questa strada dopo il vecchio ponte, presto vedrà una piccola chiesa bianca "
            "in mezzo agli alberi.",
            "Vorremmo spostare la riunione a domani pomeriggio, perché la maggior parte di noi "
            "parte dopo pranzo.",
            "Ha aperto la finestra, ha guardato la luna e ha pensato a tutto quello che era "
            "successo in quest'anno.",
            "I bambini piccoli imparano molto presto parole nuove quando qualcuno legge loro una "
            "bella storia ogni sera.",
        ),
    ),
    "Czech": Language(
        "cs",
        "cs",
        (
            "V neděli ráno chodí moje rodina pěšky na trh u řeky a můj bratr chce vždycky horkou "
            "čokoládu.",
            "Prosím, vraťte obě modré knihy zpátky na horní polici, než dnes odpoledne odejdete z "
            "pokoje.",
            "Minulý týden bylo tak špatné počasí, že nikdo nechtěl jít ven, a tak jsme zůstali "
            "doma a hráli hudbu.",
            "Moje babička peče chleba s jablky a máslem a celý dům potom krásně voní ještě dva "
            "dny.",
            "Když půjdete po této cestě za starý most, brzy uvidíte mezi stromy malý bílý kostel.",
            "Rádi bychom přesunuli poradu na čtvrtek, protože většina našich lidí bude zítra na "
            "cestách.",
            "Otevřel okno, podíval se na měsíc a přemýšlel o všem, co se během tohoto roku stalo.",
            "Malé děti se učí nová slova velmi rychle, když jim někdo každý večer čte pěknou "
            "pohádku.",
        ),
    ),
    "Russian": Language(
        "ru",
        "ru",
        (
            "В воскресенье утром моя семья идёт на рынок у реки, и мой брат всегда хочет чашку "
            "горячего шоколада.",
            "Пожалуйста, поставьте обе синие книги обратно на верхнюю полку, прежде чем уйдёте из "
            "комнаты.",
            "На прошлой неделе погода была такая плохая, что никто не хотел выходить, и мы играли "
            "дома музыку.",
            "Моя бабушка печёт хлеб с яблоками и маслом, и весь дом потом чудесно пахнет ещё два "
            "дня.",
            "Если вы пойдёте по этой дороге за старый мост, скоро увидите среди деревьев маленькую "
            "белую церковь.",
            "Мы хотели бы перенести встречу на четверг, потому что большая часть наших людей "
            "завтра в пути.",
            "Он открыл окно, посмотрел на луну и подумал обо всём, что произошло в этом году.",
            "Маленькие дети очень быстро учат новые слова, когда кто-нибудь каждый вечер читает им "
            "хорошую сказку.",
        ),
    ),
    "Arabic": Language(
        "ar",
        "ar",
        (
            "فِي صَبَاحِ يَوْمِ الأَحَدِ تَمْشِي عَائِلَتِي إِلَى السُّوقِ قُرْبَ النَّهْرِ، "
            "وَأَخِي يُرِيدُ دَائِماً كُوباً مِنَ الشُّوكُولَاتَة.",
            "مِنْ فَضْلِكَ، ضَعِ الكِتَابَيْنِ الأَزْرَقَيْنِ عَلَى الرَّفِّ الأَعْلَى قَبْلَ أَنْ تَخْرُجَ مِنَ الغُرْفَةِ بَعْدَ الظُّهْر.",
            "كَانَ الجَوُّ سَيِّئاً فِي الأُسْبُوعِ المَاضِي، فَبَقِينَا فِي البَيْتِ وَعَزَفْنَا المُوسِيقَى مَعَ أَصْحَابِنَا.",
            "تَخْبِزُ جَدَّتِي الخُبْزَ بِالتُّفَّاحِ وَالزُّبْدَةِ، فَتَبْقَى رَائِحَةُ البَيْتِ جَمِيلَةً مُدَّةَ يَوْمَيْن.",
            "إِذَا مَشَيْتَ فِي هَذَا الطَّرِيقِ بَعْدَ الجِسْرِ القَدِيمِ، سَوْفَ تَرَى بَيْتاً أَبْيَضَ صَغِيراً بَيْنَ الأَشْجَار.",
            "نُرِيدُ أَنْ نَنْقُلَ الاِجْتِمَاعَ إِلَى يَوْمِ الخَمِيسِ، لِأَنَّ مُعْظَمَ النَّاسِ يُسَافِرُونَ غَداً.",
            "فَتَحَ الشُّبَّاكَ وَنَظَرَ إِلَى القَمَرِ، وَفَكَّرَ فِي كُلِّ مَا حَدَثَ فِي هَذِهِ السَّنَةِ الطَّوِيلَة.",
            "يَتَعَلَّمُ الأَوْلَادُ الصِّغَارُ كَلِمَاتٍ جَدِيدَةً بِسُرْعَةٍ عِنْدَمَا يَقْرَأُ لَهُمْ أَحَدٌ قِصَّةً كُلَّ مَسَاء.",
        ),
    ),
    "Hindi": Language(
        "hi",
        "hi",
        (
            "रविवार की सुबह मेरा परिवार नदी के पास के बाज़ार तक पैदल जाता है, "
            "और मेरा भाई हमेशा गरम चॉकलेट माँगता है।",
            "कृपया आज शाम कमरे से बाहर जाने से पहले दोनों नीली किताबें वापस ऊपर की अलमारी में रख दीजिए।",
            "पिछले हफ़्ते मौसम इतना ख़राब था कि कोई बाहर नहीं जाना चाहता था, "
            "इसलिए हम घर पर रहे और संगीत बजाया।",
            "मेरी दादी सेब और मक्खन के साथ रोटी बनाती हैं, और पूरा घर दो दिन तक बहुत अच्छा महकता है।",
            "अगर आप पुराने पुल के बाद इस सड़क पर चलेंगे, तो जल्दी ही पेड़ों के बीच एक छोटा सफ़ेद मंदिर देखेंगे।",
            "हम बैठक को गुरुवार तक बढ़ाना चाहते हैं, क्योंकि हमारे ज़्यादातर लोग कल सफ़र पर होंगे।",
            "उसने खिड़की खोली, ऊपर चाँद को देखा, और उन सब बातों के बारे में सोचा जो इस साल हुई थीं।",
            "छोटे बच्चे नए शब्द बहुत जल्दी सीखते हैं, जब कोई उन्हें हर शाम एक अच्छी कहानी पढ़कर सुनाता है।",
        ),
    ),
    "Chinese": Language(
        "cmn",
        "zh",
        (
            "星期天早上，我们一家人走路去河边的市场，我弟弟每次都想喝一杯热巧克力。",
            "今天下午离开房间以前，请你把这两本蓝色的书放回最上面的书架。",
            "上个星期天气非常不好，谁都不想出门，所以我们在家里一起听音乐。",
            "我奶奶用苹果和黄油做面包，整个房子香了两天，大家都很喜欢。",
            "你沿着这条路走过那座老桥，很快就会看到树林里有一座白色的小房子。",
            "我们想把会议改到星期四，因为明天大部分人都要去别的地方出差。",
            "他打开窗户，抬头看着月亮，慢慢地想起这一年发生的每一件事。",
            "如果每天晚上有人给小朋友读一个好听的故事，他们很快就能学会新的词。",
        ),
    ),
    "Japanese": Language(
        "ja",
        "ja",
        (
            "にちようびのあさ、かぞくみんなで、かわのそばのいちばまであるいて、おとうとはいつもココアをのみます。",
            "きょうのごごへやをでるまえに、このあおいほんをにさつとも、うえのたなにもどしてください。",
            "せんしゅうはとてもてんきがわるくて、だれもそとにでたくなかったので、うちでおんがくをききました。",
            "おばあさんがりんごとバターでパンをやくと、うちのなかは、ふつかもいいにおいがします。",
            "このみちをまっすぐいって、ふるいはしをわたると、もりのなかに、ちいさなしろいいえがみえます。",
            "あしたはみんなでかけてしまうので、かいぎをもくようびにうつしたいとおもいます。",
            "かれはまどをあけて、つきをみあげながら、ことしあったことをぜんぶおもいだしました。",
            "まいばんだれかがおもしろいはなしをよんであげると、こどもはあたらしいことばをすぐにおぼえます。",
        ),
    ),
}
"""By English name."""
