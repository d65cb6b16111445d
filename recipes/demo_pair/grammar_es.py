"""The Spanish grammar, with the English of every sentence in the English grammar's own words."""

from recipes.demo_pair.domain import Grammar, Phrase, Template, digit_strings, joined, listed, pairs
from recipes.demo_pair.grammar_en import BELOW_HUNDRED, DIGITS, MONTHS, ORDINALS, WEEKDAYS

_DIGITS = listed("cero uno dos tres cuatro cinco seis siete ocho nueve")
_NUMBERS = [
    *_DIGITS,
    *listed("diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve"),
    *listed("veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete"),
    *listed("veintiocho veintinueve"),
    *(
        f"{ten}{unit}"
        for ten in listed("treinta cuarenta cincuenta sesenta setenta ochenta noventa")
        for unit in ["", *(f" y {digit}" for digit in _DIGITS[1:])]
    ),
]


def _before_noun(number: str) -> str:
    return number.replace("veintiuno", "veintiún").removesuffix("o") if number.endswith("uno") else number


_MASCULINE = ["veintiún" if number == "veintiuno" else _before_noun(number) for number in _NUMBERS]
_FEMININE = [f"{number[:-1]}a" if number.endswith("uno") else number for number in _NUMBERS]
_HUNDREDS = listed("doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos")
_ORDINALS = listed("primer segundo tercer cuarto quinto sexto séptimo octavo noveno décimo")
_MONTHS = listed("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre")
_WEEKDAYS = listed("lunes martes miércoles jueves viernes sábado domingo")

_ITEMS = """
libro m book; bicicleta f bicycle; abrigo m coat; silla f chair; mesa f table; reloj m clock; guitarra f guitar;
cámara f camera; paraguas m umbrella; sombrero m hat; billete m ticket; lámpara f lamp; bolso m bag; teléfono m phone;
botella f bottle; taza f cup; camisa f shirt; manta f blanket; cesta f basket
"""
_ANIMALS = """
gato m cat; perro m dog; caballo m horse; conejo m rabbit; pájaro m bird; vaca f cow; oveja f sheep; pato m duck;
ratón m mouse; zorro m fox; oso m bear; león m lion; tigre m tiger; elefante m elephant; mono m monkey;
serpiente f snake; rana f frog; cabra f goat; lobo m wolf; cerdo m pig
"""
_PEOPLE = """
hombre m man; mujer f woman; niño m boy; niña f girl; profesor m teacher; médico m doctor; granjero m farmer;
cantante m singer; conductor m driver; enfermera f nurse; pintor m painter; panadero m baker; estudiante m student;
marinero m sailor; rey m king; reina f queen
"""
_COLOURS = pairs(
    "rojo=red, azul=blue, verde=green, amarillo=yellow, negro=black, blanco=white, marrón=brown, gris=grey, "
    "naranja=orange, morado=purple, rosa=pink"
)
_SIZES = pairs(
    "pequeño=small, grande=big, viejo=old, joven=young, extraño=strange, tranquilo=quiet, feliz=happy, "
    "cansado=tired, hambriento=hungry, hermoso=beautiful"
)


def _nouns(table: str) -> list[tuple[str, str, str]]:
    """(noun, gender, English) of a table."""
    return [(word, gender, english) for word, gender, english in map(str.split, table.split(";"))]


def _all_the(table: str) -> tuple[Phrase, ...]:
    return tuple(
        Phrase(f"{'el' if gender == 'm' else 'la'} {word}", f"the {english}") for word, gender, english in _nouns(table)
    )


def _described(adjectives: tuple[Phrase, ...], table: str, definite: bool) -> tuple[Phrase, ...]:
    """Nouns with an adjective behind them."""
    articles, the = ({"m": "el", "f": "la"}, "the") if definite else ({"m": "un", "f": "una"}, "a")
    phrases = []
    for adjective in adjectives:
        for word, gender, english in _nouns(table):
            ends_in_o = gender == "f" and adjective.text.endswith("o")
            form = f"{adjective.text[:-1]}a" if ends_in_o else adjective.text
            phrases.append(Phrase(f"{articles[gender]} {word} {form}", f"{the} {adjective.english} {english}"))
    return tuple(phrases)


def _times(clock: str) -> tuple[Phrase, ...]:
    return pairs(
        f"{clock} en punto={clock} o'clock, {clock} y {{minute}}={clock} {{minute}}, "
        f"{clock} y media=half past {clock}, "
        f"{clock} menos cuarto=quarter to {clock}, {clock} y cuarto=quarter past {clock}, "
        f"{clock} {{part}}={clock} {{part}}, {clock} menos veinte=twenty to {clock}"
    )


_SLOTS: dict[str, tuple[Phrase, ...]] = {
    # numbers
    "digit": joined(_DIGITS, DIGITS),
    "few": joined(_NUMBERS[2:13], BELOW_HUNDRED[2:13]),
    "number": joined(_NUMBERS[2:], BELOW_HUNDRED[2:]),
    "numberm": joined(_MASCULINE[2:], BELOW_HUNDRED[2:]),
    "numberf": joined(_FEMININE[2:], BELOW_HUNDRED[2:]),
    "large": pairs(
        "cien=one hundred, ciento {numberm}=one hundred and {numberm}, mil=one thousand, "
        "{hundreds}={hundreds} hundred, {hundreds} {numberm}={hundreds} hundred and {numberm}, "
        "{thousands} mil={thousands} thousand"
    ),
    "hundreds": joined(_HUNDREDS, DIGITS[2:]),
    "thousands": joined(_DIGITS[2:], DIGITS[2:]),
    "ordinal": joined(_ORDINALS, ORDINALS[:10]),
    "day": joined(_NUMBERS[1:32], ORDINALS),
    # times and dates
    "clock": joined(["la una", *(f"las {number}" for number in _NUMBERS[2:13])], BELOW_HUNDRED[1:13]),
    "clocks": joined([f"las {number}" for number in _NUMBERS[2:13]], BELOW_HUNDRED[2:13]),
    "minute": joined(_NUMBERS[10:60], BELOW_HUNDRED[10:60]),
    "part": pairs("de la mañana=in the morning, de la tarde=in the afternoon, de la noche=at night"),
    "time": (*_times("{clock}"), Phrase("mediodía", "noon"), Phrase("medianoche", "midnight")),
    "timenow": _times("{clocks}"),
    "weekday": joined(_WEEKDAYS, WEEKDAYS),
    "month": joined(_MONTHS, MONTHS),
    "date": pairs(
        "el {day} de {month}=the {day} of {month}, {weekday} {day} de {month}={weekday} the {day} of {month}"
    ),
    "ondate": pairs(
        "el {day} de {month}=on the {day} of {month}, el {weekday} {day} de {month}=on {weekday} the {day} of {month}"
    ),
    "year": pairs("mil novecientos {decade}=nineteen {decade}, dos mil {decade}=twenty {decade}"),
    "decade": joined(_NUMBERS[10:], BELOW_HUNDRED[10:]),
    "when": pairs(
        "hoy=today, mañana=tomorrow, esta noche=tonight, el {weekday}=on {weekday}, la próxima semana=next week, "
        "este fin de semana=this weekend, por la mañana=in the morning"
    ),
    "event": pairs(
        "la reunión=the meeting, el concierto=the concert, la película=the film, la clase=the lesson, "
        "la fiesta=the party, el partido de fútbol=the football match, la boda=the wedding, la cena=the dinner, "
        "el examen=the exam, el mercado=the market"
    ),
    # things and prices
    "price": pairs(
        "{few} dólares={few} dollars, {numberm} dólares={numberm} dollars, {few} euros={few} euros, "
        "{numberm} euros={numberm} euros, {few} libras={few} pounds, {numberm} centavos={numberm} cents, "
        "{few} dólares y {numberm} centavos={few} dollars and {numberm} cents, "
        "{few} euros y {numberm} centavos={few} euros and {numberm} cents, {large} dólares={large} dollars"
    ),
    "item": _all_the(_ITEMS),
    "colouritem": _described(_COLOURS, _ITEMS, definite=True),
    "acolouritem": _described(_COLOURS, _ITEMS, definite=False),
    "itemsm": pairs("libros=books, billetes=tickets, huevos=eggs, sombreros=hats"),
    "itemsf": pairs(
        "manzanas=apples, naranjas=oranges, tazas=cups, botellas=bottles, sillas=chairs, flores=flowers, "
        "cartas=letters, cajas=boxes, velas=candles"
    ),
    "food": pairs(
        "leche=milk, pan=bread, mantequilla=butter, queso=cheese, manzanas=apples, arroz=rice, café=coffee, "
        "azúcar=sugar, té=tea, miel=honey, huevos=eggs, naranjas=oranges, tomates=tomatoes, patatas=potatoes, "
        "cebollas=onions, sopa=soup, sal=salt, pescado=fish"
    ),
    # household
    "room": pairs(
        "en la cocina=in the kitchen, en el dormitorio=in the bedroom, en el baño=in the bathroom, "
        "en el salón=in the living room, en el garaje=in the garage, en el pasillo=in the hall, "
        "en la oficina=in the office, en el jardín=in the garden, en el sótano=in the cellar, "
        "en el comedor=in the dining room, en el ático=in the attic"
    ),
    "device": pairs(
        "la lámpara=the lamp, las luces=the lights, la radio=the radio, la televisión=the television, "
        "la calefacción=the heating, el ventilador=the fan, la alarma=the alarm, la música=the music, "
        "el ordenador=the computer, el horno=the oven, la lavadora=the washing machine"
    ),
    "opening": pairs(
        "la ventana=the window, la puerta=the door, las cortinas=the curtains, las persianas=the blinds, "
        "el portón=the gate, el cajón=the drawer, el armario=the cupboard, la nevera=the fridge"
    ),
    "music": pairs(
        "jazz=some jazz, música=some music, las noticias=the news, una canción=a song, "
        "música clásica=classical music, mi canción favorita=my favourite song, el concierto de piano=the piano concert"
    ),
    "level": pairs("sube=up, baja=down"),
    "pet": pairs(
        "al gato=the cat, al perro=the dog, al caballo=the horse, al conejo=the rabbit, al pájaro=the bird, "
        "al pez=the fish"
    ),
    "task": pairs(
        "llamar a {name}=call {name}, regar las plantas=water the plants, dar de comer {pet}=feed {pet}, "
        "comprar {food}=buy {food}, sacar la basura=take out the rubbish, pagar la factura=pay the bill, "
        "cerrar {opening}=close {opening}, limpiar la cocina=clean the kitchen, "
        "limpiar el dormitorio=clean the bedroom, visitar a {name}=visit {name}, "
        "cerrar la puerta con llave=lock the door"
    ),
    # weather
    "sky": pairs(
        "soleado=sunny, nublado=cloudy, lluvioso=rainy, ventoso=windy, brumoso=foggy, frío=cold, cálido=warm, "
        "caluroso=hot, seco=dry, tormentoso=stormy, helado=freezing"
    ),
    "fall": pairs(
        "lluvia=rain, nieve=snow, niebla=fog, truenos=thunder, una tormenta=a storm, viento fuerte=strong wind, "
        "sol=sunshine, lluvia ligera=light rain, nieve intensa=heavy snow, un cielo despejado=a clear sky"
    ),
    "city": pairs(
        "Londres=London, París=Paris, Berlín=Berlin, Madrid=Madrid, Roma=Rome, Nueva York=New York, Boston=Boston, "
        "Chicago=Chicago, Dublín=Dublin, Viena=Vienna, Tokio=Tokyo, Oslo=Oslo, Lisboa=Lisbon, Sídney=Sydney"
    ),
    "coast": pairs(
        "en el norte=in the north, en el sur=in the south, en el este=in the east, en el oeste=in the west, "
        "cerca de la costa=near the coast, en las montañas=in the mountains"
    ),
    # scenes
    "name": pairs(
        "Anna=Anna, Tom=Tom, Maria=Maria, Peter=Peter, David=David, Emma=Emma, Sarah=Sarah, Paul=Paul, Julia=Julia, "
        "Martin=Martin, Laura=Laura, Simon=Simon, Nina=Nina, Oscar=Oscar"
    ),
    "colouranimal": _described(_COLOURS, _ANIMALS, definite=True),
    "acolouranimal": _described(_COLOURS, _ANIMALS, definite=False),
    "asizeanimal": _described(_SIZES, _ANIMALS, definite=False),
    "animalsm": pairs(
        "gatos=cats, perros=dogs, caballos=horses, conejos=rabbits, pájaros=birds, patos=ducks, zorros=foxes, "
        "osos=bears, leones=lions, monos=monkeys, cerdos=pigs"
    ),
    "animalsf": pairs("vacas=cows, serpientes=snakes, ranas=frogs, cabras=goats"),
    "activity": pairs(
        "duerme=is sleeping, corre=is running, espera=is waiting, se sienta=is sitting, se esconde=is hiding, "
        "juega=is playing, come=is eating, camina=is walking"
    ),
    "where": pairs(
        "debajo del árbol=under the tree, detrás de la casa=behind the house, en el jardín=in the garden, "
        "junto al río=by the river, en el puente=on the bridge, cerca del lago=near the lake, "
        "en el bosque=in the forest, en la colina=on the hill, en la estación=at the station, "
        "delante de la escuela=in front of the school, al lado de la carretera=beside the road, "
        "en el campo=in the field, en el tejado=on the roof, en la playa=at the beach"
    ),
    "person": _all_the(_PEOPLE),
    "sizeperson": _described(_SIZES, _PEOPLE, definite=True),
    "does": pairs(
        "abrió {opening}=opened {opening}, compró {acolouritem}=bought {acolouritem}, perdió {item}=lost {item}, "
        "encontró {item}=found {item}, cantó una canción=sang a song, bebió una taza de té=drank a cup of tea, "
        "leyó una carta larga=read a long letter, escribió un libro=wrote a book, "
        "pintó {acolouranimal}=painted {acolouranimal}, vio {acolouranimal}=saw {acolouranimal}, "
        "preparó la cena=cooked dinner, habló con {name}=talked to {name}, cerró {opening}=closed {opening}, "
        "rompió {item}=broke {item}"
    ),
    "journey": pairs(
        "el tren=the train, el autobús=the bus, el barco=the boat, el taxi=the taxi, el ferry=the ferry, "
        "el avión=the plane"
    ),
}

_TEMPLATES: tuple[tuple[float, str, str], ...] = (
    (2.0, "enciende {device} {room}", "turn on {device} {room}"),
    (2.0, "apaga {device} {room}", "turn off {device} {room}"),
    (1.0, "por favor, {level} {device}", "please turn {level} {device}"),
    (1.0, "abre {opening} {room}", "open {opening} {room}"),
    (1.0, "por favor, cierra {opening} {room}", "please close {opening} {room}"),
    (1.0, "pon un temporizador de {numberm} minutos", "set a timer for {numberm} minutes"),
    (1.0, "pon el horno a {large} grados", "set the oven to {large} degrees"),
    (1.0, "pon la calefacción {room} a {numberm} grados", "set the heating {room} to {numberm} degrees"),
    (1.0, "pon {music} {room}", "play {music} {room}"),
    (2.0, "recuérdame {task} a {time}", "remind me to {task} at {time}"),
    (1.0, "recuérdale a {name} {task} {when}", "remind {name} to {task} {when}"),
    (2.0, "añade {food1} y {food2} a la lista de la compra", "add {food1} and {food2} to the shopping list"),
    (1.0, "necesitamos {food1}, {food2} y {food3}", "we need {food1}, {food2} and {food3}"),
    (1.0, "despiértame a {time}", "wake me up at {time}"),
    (1.0, "despiértame el {weekday} a {time}", "wake me up at {time} on {weekday}"),
    (1.0, "son {timenow}", "it is {timenow}"),
    (2.0, "{event} empieza a {time}", "{event} starts at {time}"),
    (1.0, "{event} es el {weekday} a {time}", "{event} is on {weekday} at {time}"),
    (2.0, "{journey} a {city} sale a {time}", "{journey} to {city} leaves at {time}"),
    (
        1.0,
        "el tren a {city} sale del andén {few} a {time}",
        "the train to {city} leaves from platform {few} at {time}",
    ),
    (1.0, "hoy es {date}", "today is {date}"),
    (1.0, "{event} es {ondate}", "{event} is {ondate}"),
    (1.0, "{name} nació {ondate} de {year}", "{name} was born {ondate} in {year}"),
    (1.0, "la casa fue construida en {year}", "the house was built in {year}"),
    (2.0, "{item} cuesta {price}", "{item} costs {price}"),
    (1.0, "{colouritem} cuesta {price}", "{colouritem} costs {price}"),
    (1.0, "{name} pagó {price} por {item}", "{name} paid {price} for {item}"),
    (0.4, "{few} {itemsm} cuestan {price}", "{few} {itemsm} cost {price}"),
    (0.6, "{few} {itemsf} cuestan {price}", "{few} {itemsf} cost {price}"),
    (2.0, "el tiempo será {sky} en {city} {when}", "it will be {sky} in {city} {when}"),
    (1.0, "el tiempo es {sky1} y {sky2} {coast}", "it is {sky1} and {sky2} {coast}"),
    (1.0, "habrá {fall} {coast} {when}", "there will be {fall} {coast} {when}"),
    (1.0, "espera {fall} {when}", "expect {fall} {when}"),
    (1.0, "la temperatura en {city} es de {numberm} grados", "the temperature in {city} is {numberm} degrees"),
    (1.0, "¿qué tiempo hará en {city} {when}?", "what is the weather like in {city} {when}?"),
    (
        2.0,
        "mi número de teléfono es el {digit:1} {digit:2} {digit:3}, {digit:4} {digit:5} {digit:6}",
        "my phone number is {digit:1} {digit:2} {digit:3}, {digit:4} {digit:5} {digit:6}",
    ),
    (
        1.0,
        "llama a {name} al {digit:1} {digit:2} {digit:3} {digit:4} {digit:5}",
        "call {name} at {digit:1} {digit:2} {digit:3} {digit:4} {digit:5}",
    ),
    (
        2.0,
        "el código es {digit:1} {digit:2} {digit:3} {digit:4}",
        "the code is {digit:1} {digit:2} {digit:3} {digit:4}",
    ),
    (
        1.0,
        "la habitación número {digit:1} {digit:2} {digit:3} está en el {ordinal} piso",
        "room number {digit:1} {digit:2} {digit:3} is on the {ordinal} floor",
    ),
    (0.4, "hay {numberm} {itemsm} sobre la mesa", "there are {numberm} {itemsm} on the table"),
    (0.6, "hay {numberf} {itemsf} sobre la mesa", "there are {numberf} {itemsf} on the table"),
    (1.0, "{number} más {number2} son {number3}", "{number} plus {number2} is {number3}"),
    (2.0, "{colouranimal} {activity} {where}", "{colouranimal} {activity} {where}"),
    (2.0, "{asizeanimal} {activity} {where}", "{asizeanimal} {activity} {where}"),
    (0.7, "hay {numberm} {animalsm} {where}", "there are {numberm} {animalsm} {where}"),
    (0.3, "hay {numberf} {animalsf} {where}", "there are {numberf} {animalsf} {where}"),
    (2.0, "{sizeperson} {does}", "{sizeperson} {does}"),
    (1.0, "{name} {does} {where}", "{name} {does} {where}"),
    (1.0, "{person} {does} {where}", "{person} {does} {where}"),
    (1.0, "{name1} y {name2} viven en {city}", "{name1} and {name2} live in {city}"),
    (1.0, "{name1} se encontró con {name2} {where}", "{name1} met {name2} {where}"),
    (1.0, "{name} tiene {numberm} años y vive en {city}", "{name} is {numberm} years old and lives in {city}"),
    (1.0, "{person} tiene {acolouritem} y {asizeanimal}", "{person} has {acolouritem} and {asizeanimal}"),
    (1.0, "{item} está {where}", "{item} is {where}"),
)

GRAMMAR = Grammar(
    "es",
    (*(Template(text, english, weight) for weight, text, english in _TEMPLATES), *digit_strings()),
    _SLOTS,
)
