"""Names in many scripts that nobody has together: what the people of the benches are called and where they live."""

from __future__ import annotations

from typing import NamedTuple


class Locale(NamedTuple):
    """Given and family names of one language, and where its people live: country, cities, streets."""

    country: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    cities: tuple[str, ...]
    street: str


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


LOCALES = (
    Locale(
        "DE",
        _words("Anna Jürgen Käthe Sören Mathilda Björn Irmgard Lüder Wiebke Henrike Götz Friederike Enno Solveig"),
        _words("Müller Weißgerber Köhler-Brandt Schönefeld Größler Lübbers Ahlers Quandtmeier von_der_Aue Zöllner"),
        _words("Berlin Köln München Düsseldorf Lübeck Görlitz"),
        "Gartenstraße",
    ),
    Locale(
        "FR",
        _words("Hélène François Zoé Aurèle Maëlle Théodore Noémie Loïc Gaëlle Cédric Océane Benoît Anaïs Rémi"),
        _words("Lefèvre D'Aubigny Nogaret Béranger-Roux Delaunay Çelestin L'Hermite Pâquet Vauquelin Saint-Preux"),
        _words("Paris Nîmes Orléans Besançon Évreux Saint-Étienne"),
        "rue de l'Église",
    ),
    Locale(
        "ES",
        _words("José Íñigo Begoña María Nuño Sofía Ángel Inés Martín Lucía Óscar Belén Ramón Itziar"),
        _words("Núñez Peñalver Ibáñez-Soto Echeverría Muñiz Cañizares Zúñiga Béjar Ordóñez Villaseñor"),
        _words("Madrid Málaga A_Coruña León Logroño Cádiz"),
        "calle de la Peña",
    ),
    Locale(
        "PL",
        _words("Łucja Michał Żaneta Stanisław Grażyna Świętopełk Bożena Zdzisław Małgorzata Józef Elżbieta Błażej"),
        _words("Wiśniowski Gołąbek Żółtowska Śliwiński Dąbrówka Źrebiec Kędzior Łęczycki Ćwiklińska Brzęczyszczak"),
        _words("Łódź Kraków Gdańsk Wrocław Rzeszów Częstochowa"),
        "ul. Długa",
    ),
    Locale(
        "PT",
        _words("João Inês Conceição Simão Lurdes Estêvão Fátima Gonçalo Beatriz Tomé Graça Vítor"),
        _words("Magalhães Conceição-Leal Simões Guimarães Brandão Falcão Quintão Sá_Nogueira Lourenço Assunção"),
        _words("Lisboa Évora Bragança Guimarães Setúbal"),
        "rua do Sobreiro",
    ),
    Locale(
        "NL",
        _words("Anneke Joost Mieke Wouter Femke Sjoerd Liesbeth Jelle Marijke Thijs Renée Daniël"),
        _words("van_der_Heuvel 't_Hart de_Bruijn IJsselstein van_'t_Hoff Zeeuwkens Dijkgraaf ter_Horst Kuijpers Buijs"),
        _words("Utrecht 's-Hertogenbosch Leeuwarden Nijmegen Zwolle"),
        "Lindenlaan",
    ),
    Locale(
        "CY",
        _words("Νίκος Ελένη Γιώργος Κατερίνα Δημήτρης Σοφία Ανδρέας Μαρία Στέλιος Ειρήνη Θεόδωρος Άννα"),
        _words("Παπαχαραλάμπους Γεωργιάδης Αλεξόπουλος Ιωαννίδης Χατζηκώστα Οικονόμου Δρακόπουλος Ξενάκη Λυμπέρης"),
        _words("Λευκωσία Λεμεσός Λάρνακα Πάφος"),
        "οδός Ερμού",
    ),
    Locale(
        "KZ",
        _words("Ольга Тарас Людмила Ярослав Щукарь Юлия Ёлка Дмитрий Жанна Игорь Ксения Фёдор Мария Пётр"),
        _words("Иваницкая Шевчук-Долина Ёлкина Жаворонков Цветаевский Щербинин Юрьевская Бойко Хрусталёв Чайкина"),
        _words("Алматы Астана Шымкент Караганда"),
        "улица Абая",
    ),
    Locale(
        "AE",
        _words("أحمد فاطمة يوسف مريم عبد_الله خديجة إبراهيم ليلى عمر نورة حسين سلمى"),
        _words("الحدّاد بن_سالم النجّار القاسمي الخوري الرفاعي الشامي البنّا الزهراوي المرزوقي"),
        _words("دبي أبوظبي الشارقة عجمان"),
        "شارع الوصل",
    ),
    Locale(
        "IL",
        _words("דוד רחל יוסף מרים אברהם לאה נועם תמר אליעזר שרה יעקב חנה"),
        _words("כהנוביץ' אבן-שושן בר-לב גולדפרב הלפרין ויזל זילברמן טננבוים רביבו שפיגלר"),
        _words("חיפה ירושלים באר-שבע נתניה"),
        "רחוב הרצל",
    ),
    Locale(
        "HK",
        _words("伟明 秀英 志强 丽华 建国 春梅 家豪 美玲 晓东 淑芬 文博 雨桐"),
        _words("欧阳 司徒 上官 林 陈 黄 诸葛 梁 邓 夏侯"),
        _words("香港 九龙 沙田 元朗"),
        "弥敦道",
    ),
    Locale(
        "JP",
        _words("さくら 健太 陽子 ひろし 美咲 タケル 恵子 大輔 ユリ 直樹 千尋 一郎"),
        _words("山之内 長谷部 小鳥遊 斎藤 渡邉 東海林 西園寺 ヤマモリ 髙橋 御手洗"),
        _words("東京都 大阪市 札幌市 福岡市"),
        "中央通り",
    ),
    Locale(
        "NP",
        _words("अनिल सुनीता राजेश लक्ष्मी विक्रम गीता मोहन सरस्वती अर्जुन ऋषि श्रेया कृष्णा"),
        _words("श्रेष्ठ चतुर्वेदी त्रिपाठी अग्निहोत्री ज्ञवाली क्षेत्री मिश्र पाण्डेय शर्मा द्विवेदी"),
        _words("काठमाडौं पोखरा विराटनगर"),
        "रत्नपार्क मार्ग",
    ),
    Locale(
        "GB",
        _words("Siobhán Mary-Kate Seán Niamh Alistair Gwenllian Owain Sinéad Rhys Fergus Aoife Caoimhe"),
        _words("O'Shaughnessy Mac_an_Bhaird Featherstonehaugh Smith-Ffoulkes Ní_Dhomhnaill St._John-Lowe Llewellyn"),
        _words("London Cardiff Belfast Perth Stoke-on-Trent"),
        "St. Mary's Lane",
    ),
)  # fmt: skip
COMPANY_WORDS = _words(
    "Meridian Kestrel Auréole Lärche Полюс Αργώ 青松 Sequoia Zephyr Ñandú Ørsund Halcyon Tarn Vesper Quill"
)
COMPANY_KINDS = (
    ("LU", "S.à r.l."), ("DE", "GmbH"), ("FR", "SAS"), ("NL", "B.V."), ("GB", "Ltd."), ("IE", "plc"), ("AT", "AG"),
)  # fmt: skip
