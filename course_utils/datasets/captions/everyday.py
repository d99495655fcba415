"""What people call the families, their parts and their attributes, beside the captions' phrases.

`EVERYDAY` has the form of `phrases.PHRASES`: a phrase that begins with "=" is a noun and may imply
attributes (a glider has no engines), one that ends with "~" an adjective, all others are details.
`OUTSIDE` are things that no family is. The reader of `models.reading` is trained on texts made of
these (`speech`); what it makes of other words, it knows from their vectors.
"""

EVERYDAY = {
    "chair": {
        "": "=dining chair; =kitchen chair; =side chair; =garden chair; =folding chair;"
        " =conference chair; =accent chair; =stacking chair; =throne; =high chair; =chairs;"
        " =wooden chair; =seat for one; =school chair; =cafe chair; =gaming chair",
        "armrests=yes": "=arm chair; =easy chair; =lounge chair; =club chair; =fauteuil;"
        " rests for the arms; somewhere to rest my arms; a place for the arms",
        "armrests=no": "without arms ~; no rests for the arms; no place for the arms",
        "armrests=yes back_height=high": "=wing chair; =wingback chair; =wingback",
        "back_height=high": "a really tall back; a tall backrest; a high backrest; a long back;"
        " highback ~; tall backed ~; high back ~",
        "back_height=low": "a small back; a low backrest; a short backrest; low back ~",
        "reclined=yes": "=recliner; =deck chair; =deckchair; =reclining chair; a back that leans"
        " back; a tilted back; a sloping back; leaning back ~; reclining ~; tilted back ~",
        "reclined=no": "a vertical back; straight backed ~; upright ~; straight back ~",
        "back=solid": "a full back; a back without gaps; a backrest that is solid; solid back ~",
        "back=rounded": "a round back; a curved back; a round top to the back; round back ~",
        "back=slatted": "slats; upright slats; a back with slats; vertical slats; spindles;"
        " a spindle back; vertical bars in the back; slatted back ~; =spindle chair; slat back ~",
        "back=ladder": "=ladderback chair; =ladder back chair; horizontal bars in the back; rungs;"
        " horizontal slats; ladderback ~; crossbars in the back",
        "back=panel": "a half panel back; an open lower back; a gap below the back",
        "seat=square": "a rectangular seat; a boxy seat; square ~; square seated ~",
        "seat=round": "a disc seat; round ~; circular ~; round seated ~; a seat like a disc",
        "base=four_legs": "4 wooden legs; four legged ~; legs at each corner",
        "base=three_legs": "three legged ~; a tripod base; a tripod; only three legs",
        "base=pedestal": "=office chair; =swivel chair; =desk chair; =barber chair; =tulip chair;"
        " a single leg; one leg; a central column; one central leg; a swivel base; a pedestal base;"
        " a column in the middle; a post in the middle",
        "base=runners": "=rocking chair; =rocker; rockers; skids; a rocking base; curved runners",
    },
    "table": {
        "": "=tables; =worktable; =picnic table; =garden table; =card table; =side table;"
        " =end table; =wooden table; =kitchen island; =altar; =ping pong table; =counter;"
        " =console table; =console; =play table; =pool table; =folding table",
        "size=low": "=low table; =occasional table; =cocktail table; =tea table; =chabudai;"
        " near the floor ~; short ~; =couch table; =lounge table",
        "size=medium": "=desk; =writing desk; =dining table; =kitchen table; =dinner table;"
        " =workbench; =office desk; =dressing table; =meeting table; =conference table;"
        " =study table; =computer desk; =writing table; =school desk; =boardroom table; =work desk;"
        " normal height ~; =banquet table; =breakfast table; =vanity",
        "size=tall": "=standing desk; =high table; =pub table; =poseur table; =bistro table;"
        " =standing table; =high top table; =stand up desk; bar height ~",
        "top=rectangular": "square ~; oblong ~; a square top; an oblong top; rectangle ~",
        "top=round": "disc shaped ~; a circle top; a disc top; =round table; =roundtable",
        "top=oval": "elliptical ~; egg shaped ~; an elliptical top; an egg shaped top; ellipse ~",
        "base=four_legs": "4 wooden legs; four legged ~; legs at each corner; curved legs; legs;"
        " turned legs; a leg at each corner",
        "base=pedestal": "one leg; a single leg; a central leg; a pedestal base; a central column;"
        " one fat leg in the middle; a single foot; pedestal ~; a column base; one central leg",
        "base=trestle": "=trestle table; =trestle desk; a sawhorse base; sawhorses; trestle ~",
        "base=side_panels": "slab ends; slab sides; solid sides; panel legs; panel ends; slab legs",
        "legs=slim": "skinny legs; slender legs; spindly legs; narrow legs; hairpin legs",
        "legs=thick": "chunky legs; fat legs; heavy legs; big legs; solid legs; stout legs",
        "extra=apron": "a skirt under the top; a rail under the top; a frame under the top",
        "extra=shelf": "a shelf; a shelf underneath; a rack below; a magazine shelf; storage below;"
        " an undershelf; a bottom shelf; a second shelf",
        "extra=drawers_left": "a drawer on the left; left drawers; drawers under the left half;"
        " a left drawer; a drawer on the left hand side",
        "extra=drawers_right": "a drawer on the right; right drawers; drawers under the right half;"
        " a right drawer; a drawer on the right hand side",
        "extra=drawers_both": "drawers each side; drawers on either side; two sets of drawers",
        "extra=drawers_left|drawers_right|drawers_both": "a drawer; some drawers; storage drawers",
        "extra=none|apron|shelf": "no drawer; no storage drawers",
        "extra=none": "nothing underneath; no shelf; no shelf and no drawers",
    },
    "lamp": {
        "": "=lamps; =lights; =lantern; =night light; =nightlight; =lighting; =luminaire;"
        " =light fixture; =reading lamp; =uplighter; =oil lamp; =street lamp; =lamppost",
        "kind=floor": "=floorlamp; =torchiere; =tall lamp; =standard lamp; =free standing lamp;"
        " standing on the floor; floor standing ~; =street light; =streetlight",
        "kind=table": "=bedside lamp; =nightstand lamp; =bed lamp; =bedside light; =tiffany lamp;"
        " =ceramic lamp; =sideboard lamp",
        "kind=arc": "=arching lamp; =arched lamp; =bow lamp; =arched floor lamp; =arc floor lamp;"
        " an arm that curves over; an arched arm; an arching arm; a curved pole; curving over ~",
        "kind=desk": "=study lamp; =anglepoise; =anglepoise lamp; =pixar lamp; =office lamp;"
        " =work lamp; =drafting lamp; =architect lamp; =task light; =task lamp; a bendy arm;"
        " an adjustable arm; an articulated arm; a folding arm; an elbow; a swing arm; bendy ~;"
        " stands on the desk; for my desk; =lamp for the desk; =table lamp for my desk",
        "shade_size=shallow": "a flat shade; a small shade; a low shade; a tiny shade",
        "shade_size=deep": "a long shade; a big shade; a large shade; a huge shade",
        "shade=cone": "a funnel shade; a tapered shade; an empire shade; a coolie shade; a pointy"
        " shade; a shade like a cone; a lampshade like a cone; a conical lampshade; cone ~",
        "shade=drum": "a drum lampshade; a cylinder shade; a round drum; a tube shade; drum ~",
        "shade=globe": "a ball shade; a sphere shade; a round shade; a spherical shade; a sphere;"
        " a glass ball; a ball on top; globe ~; an orb; a round bulb",
        "shade=dome": "a bowl shade; a half round shade; a hemispherical shade; dome ~;"
        " a mushroom shade; a bell shade; a cap like a mushroom; =mushroom lamp; =bankers lamp",
        "shade=box": "a cube shade; a rectangular shade; a boxy shade; a cube on top; box ~",
        "foot=round": "a disc base; a disc foot; a circular base; a round plate below",
        "foot=square": "a square plate; a rectangular base; a block base; a square plinth",
        "foot=tripod": "=tripod lamp; =tripod floor lamp; a tripod base; three feet; tripod legs",
        "body=slim": "a skinny pole; a thin pole; a slim pole; a narrow body; a straight pole;"
        " a thin column; a slender stem; a candlestick body",
        "body=ball": "a ball body; a spherical body; a fat round base; a ball base; a gourd base;"
        " a bulbous body; a fat base; a sphere body",
        "body=vase": "a vase body; a body like a vase; a tapered body; an urn base; a cone body",
    },
    "sofa": {
        "": "=sofas; =davenport; =chesterfield; =divan; =futon; =sectional; =lounge; =daybed;"
        " =couches; =lounger; =sofa bed; =canape; =lawson; =bench seat with cushions",
        "seats=2": "=loveseat; =love seat; =two person sofa; =two person couch; =sofa for two;"
        " =couch for two; =two seat sofa; room for two; two seat ~; two seater ~; two seat cushions;"
        " for two people; seats two; space for two",
        "seats=3": "=three person sofa; =three person couch; =sofa for three; =couch for three;"
        " =three seat sofa; room for three; three seat ~; three seater ~; three seat cushions;"
        " for three people; seats three; space for three; wide enough for three",
        "form=straight": "=plain sofa; =regular sofa; =standard couch; no corner; no chaise",
        "form=corner": "=l shaped sofa; =l shaped couch; =sectional sofa; =corner unit; =l couch;"
        " =corner settee; =corner sectional; l shaped ~; in an l shape",
        "form=chaise": "=chaise longue; =chaise lounge; =chaise; =couch with chaise; =fainting"
        " couch; =recamier; a chaise lounge; somewhere to put my legs up",
        "form=corner side=left": "=left corner sofa; =left hand corner sofa; the corner on the"
        " left; the l on the left",
        "form=corner side=right": "=right corner sofa; =right hand corner sofa; the corner on the"
        " right; the l on the right",
        "form=chaise side=left": "=left chaise sofa; the chaise on the left; a left hand chaise",
        "form=chaise side=right": "=right chaise sofa; the chaise on the right; a right hand"
        " chaise",
        "arms=none": "without arms ~; no arm rests; no place for arms; no side arms",
        "arms=low": "low sides; short arms; small arms; low arm rests; slim arms",
        "arms=high": "big arms; high sides; high arm rests; tall sides; tall armrests",
        "legs=yes": "little legs; wooden legs; metal legs; tapered legs; stubby legs; bun feet",
        "legs=no": "no visible legs; sitting on the floor; flat on the floor; floor level ~",
        "back=plain": "a straight back; a smooth back; a flat backrest; a simple back",
        "back=rounded": "a curvy back; a round back; a camel back; an arched back; camelback ~;"
        " curved ~; =camelback sofa; =barrel sofa",
        "back=cushioned": "pillows; loose cushions; back pillows; fluffy cushions; plump cushions;"
        " scatter cushions; throw pillows; cushions; soft cushions; a pillow back; a tufted back",
    },
    "bed": {
        "": "=beds; =cot; =crib; =mattress; =bedframe; =bedstead; =camp bed; =berth; =hospital bed;"
        " =sleigh bed; =divan bed; =kids bed; =guest bed; =place to sleep; =bed for sleeping",
        "kind=plain": "=platform bed; =normal bed; =ordinary bed; =regular bed; =futon bed",
        "size=single": "=single bed; =twin bed; =child bed; for one person; single size ~; twin"
        " size ~; small ~; =bed for one",
        "size=double": "=double bed; =king size bed; =queen bed; =king bed; =queen size bed; king"
        " size ~; queen size ~; for two people; for a couple; king ~; queen ~; big ~; large ~;"
        " =bed for two; =marital bed",
        "kind=canopy": "=four post bed; =poster bed; =canopied bed; =princess bed; four posts;"
        " tall posts; posts at the corners; a post at each corner; a canopy; curtains; bare posts;"
        " four poster ~; canopied ~; =bed with four posts",
        "kind=bunk": "=bunkbed; =bunk; =bunks; =bunk beds; =loft bed; =double decker bed; a ladder;"
        " a top bunk; an upper bunk; two bunks; =stacked beds; =bunked beds; one above the other",
        "headboard=none": "no head board; no board at the head; no headrest",
        "headboard=solid|rounded|slatted|ladder|panel": "a head board; a tall headboard; a board at"
        " the head; a big headboard; a headrest",
        "headboard=solid|rounded|panel": "a padded headboard; an upholstered headboard; a cushioned"
        " headboard; a quilted headboard",
        "headboard=slatted|ladder": "bars in the head; bars at the head; a headboard with bars;"
        " a barred headboard; metal bars at the head; a headboard with gaps",
        "headboard=solid": "a full headboard; a plain headboard; a flat headboard",
        "headboard=rounded": "a curved headboard; a round headboard; a headboard with a curved top",
        "headboard=slatted": "vertical slats in the headboard; upright bars at the head; a spindle"
        " headboard; headboard slats; a headboard with slats",
        "headboard=ladder": "horizontal bars at the head; a headboard with rungs",
        "headboard=panel": "a headboard with a gap below; a half headboard",
        "footboard=yes": "a foot board; a board at the foot; a footend; a foot end",
        "footboard=no": "no foot board; no board at the foot; an open foot end",
        "legs=yes": "wooden legs; metal legs; short legs; four legs; tall legs; raised off the"
        " floor; off the ground; raised ~",
        "legs=no": "no visible legs; a solid base; sits on the floor; on the floor; flat on the"
        " ground; a storage base; =ottoman bed; a box underneath; low platform ~",
        "blanket=yes": "a duvet; a quilt; a bedspread; blankets; covers; a comforter; a throw;"
        " bedding; a doona; an eiderdown; a knitted blanket; a patchwork quilt",
        "blanket=no": "no duvet; no quilt; no blankets; no covers; no bedspread; no bedding",
        "pillows=1": "a single pillow; only one pillow; just one pillow",
        "pillows=2": "a pair of pillows; 2 fluffy pillows; pillows; a couple of pillows",
        "nightstands=none": "no nightstands; no bedside tables; no night tables",
        "nightstands=left": "a left nightstand; a night table on the left; a cabinet on the left",
        "nightstands=right": "a right nightstand; a night table on the right; a cabinet on the"
        " right; a night stand on the right",
        "nightstands=left|right": "a night table; a bedside cabinet; a night stand; one bedside"
        " table; a single nightstand",
        "nightstands=both": "nightstands; bedside tables; a nightstand on each side; night tables;"
        " a pair of nightstands; bedside cabinets; a nightstand each side",
        "roof=yes": "a closed canopy; a flat canopy; a canopy on top; a solid top; a ceiling",
        "roof=no": "no canopy; an open top; no curtains and no canopy; only bare posts; open"
        " topped ~; no ceiling",
    },
    "shelf": {
        "": "=shelves; =shelving; =shelve; =etagere; =whatnot; =racks; =storage unit; =cabinet;"
        " =cupboard; =wall unit; =storage rack; =display shelf; =display shelves; =sideboard;"
        " =plate rack; =shoe rack; =spice rack; =display cabinet; =wine rack; =shelf unit; =closet;"
        " =dresser; =kallax; =larder; =pantry; =media unit; =ledge; =display case",
        "books=yes": "=book shelf; =book case; =bookshelves; =bookcases; =bookrack; =book rack;"
        " =library shelf; =bookshelve; full of books; filled with books; loaded with books; stuffed"
        " with books; a few books; some books; novels; textbooks",
        "books=no": "empty ~; nothing on it; no books on it; bare ~",
        "size=tall": "=tall bookcase; =tower shelf; tall and narrow ~; floor to ceiling ~; a great"
        " height",
        "size=wide": "=long shelf; long ~; =low bookcase; =credenza; =sideboard; low and wide ~",
        "rows=1": "one shelf; a single shelf; one level; one tier; single tier ~; a single board",
        "rows=2": "two shelves; two tiers; two tier ~; two floors; two layers; two boards",
        "rows=3": "three shelves; three tiers; three tier ~; three floors; three layers; three"
        " boards",
        "rows=4": "four shelves; four tiers; four tier ~; four floors; four layers; four boards",
        "columns=1": "one compartment wide; one section; no dividers; not divided",
        "columns=2": "two sections; two bays; a divider in the middle; two compartments across",
        "columns=3": "three sections; three bays; three compartments across; three across",
        "columns=4": "four sections; four bays; four compartments across; four across",
        "frame=panels": "solid sides; solid side panels; boxed in sides; boards at the sides",
        "frame=posts": "=open shelf; =open shelving; metal posts; four posts; poles at the corners;"
        " a metal frame; =baker's rack; posts; uprights at the corners; open frame ~",
        "back=yes": "a solid back; a back; a backboard; a back board; a closed rear",
        "back=no": "no rear panel; no backboard; see through from behind; an open rear; open"
        " backed ~; open at the back; backless ~",
        "doors=yes": "=cupboard; =cabinet; =wardrobe; =armoire; cupboard doors; a door; cabinet"
        " doors; two doors; glass doors; closed below; double doors; a cupboard below",
        "doors=no": "no door; no cupboard doors; open fronted ~; an open front",
        "legs=yes": "little legs; wooden legs; metal legs; short legs; four legs; tapered legs",
        "legs=no": "no visible legs; standing right on the floor; sits on the floor",
        "high_end=left": "stairs to the left; steps up to the left; higher on the left; taller on"
        " the left side",
        "high_end=right": "stairs to the right; steps up to the right; higher on the right; taller"
        " on the right side",
        "high_end=left|right": "=step shelf; =staircase shelf; steps; like a staircase; going up"
        " like a staircase; stairs; stepped ~; in steps; a stepped top; =ladder shelf; staggered ~",
        "high_end=none": "the same height all along; a flat top; a straight top; not stepped",
    },
    "airplane": {
        "": "=aeroplane; =planes; =airplanes; =aeroplanes; =air plane; =passenger plane; =aircrafts;"
        " =flying machine; =cargo plane; =fighter plane; =warplane; =bomber; =concorde; =stealth"
        " bomber; =jumbo; =drone plane; =learjet; =private plane; =toy plane; =model plane",
        "engines=2|4 propeller=no": "=jet; =jet plane; =airliner; =jetliner; =jumbo jet; =private"
        " jet; =fighter jet; =passenger jet; =jet fighter; =jets; =business jet; =airbus; =boeing",
        "engines=0 propeller=no": "=glider; =sailplane; =gliders; =paper plane; =paper airplane;"
        " unpowered ~; no engines and no propeller",
        "propeller=yes": "=propeller plane; =prop plane; =biplane; =cessna; =spitfire; =crop"
        " duster; =propeller aircraft; =seaplane; =light aircraft; =bush plane; =triplane; a prop;"
        " a propeller in the nose; a prop in the nose; a propeller on the nose; propeller driven ~;"
        " a spinning propeller; an airscrew; =propeller airplane; =world war plane",
        "body=wide": "fat ~; chunky ~; a fat body; a thick fuselage; a wide fuselage; stubby ~;"
        " wide bodied ~; a chubby body",
        "body=slim": "thin ~; skinny ~; narrow ~; a skinny body; a thin fuselage; sleek ~; slender"
        " ~; a slender fuselage; a narrow body; a long thin body",
        "wing_height=high": "high wing ~; wings up high; wings on top; wings above the body; high"
        " winged ~; wings mounted on top; wings over the cabin",
        "wing_height=low": "low wing ~; wings down low; wings below the body; low winged ~; wings"
        " under the body",
        "wings=straight": "straight winged ~; rectangular wings; wings that stick straight out",
        "wings=swept": "swept wing ~; backswept wings; angled wings; wings swept back; wings that"
        " point backwards; swept back ~",
        "wings=delta": "delta wing ~; a delta wing; a triangle wing; triangle wings; delta winged ~",
        "engines=0": "no jets; no turbines; no jet engine",
        "engines=2": "two jet engines; two turbines; twin engines; twin engine ~; =twinjet; a pair"
        " of engines; two engined ~; an engine on each side; two jets",
        "engines=4": "four jet engines; four turbines; four engine ~; four engined ~; four jets",
        "engines=2|4": "jets; turbines; engines; big engines",
        "engine_place=wings": "engines on the wings; engines under wings; underwing engines; an"
        " engine under each wing; jets under the wings; engines hanging below the wings",
        "engine_place=tail": "engines on the tail; engines near the tail; tail mounted engines;"
        " engines at the rear; jets at the back; engines behind; rear mounted engines",
        "propeller=no": "no propellers; no prop",
        "tail=plain": "a normal tail; one fin; an ordinary tail; a simple tail",
        "tail=T": "t tail ~; a tail shaped like a t; a tail like a t",
        "tail=twin": "two tails; a double tail; twin fins; twin tail ~; a split tail; two fins;"
        " twin tailed ~; twin tails",
        "gear=yes": "landing gear; a landing gear; its wheels down; wheels down; gear down;"
        " wheels underneath; landing wheels; two wheels",
        "gear=no": "no landing gear; wheels up; its wheels retracted; gear up; no gear",
    },
    "car": {
        "": "=cars; =auto; =autos; =ride; =motor car; =race car; =racing car; =racecar; =supercar;"
        " =convertible; =coupe; =roadster; =taxi; =cab; =police car; =ferrari; =porsche; =formula"
        " one car; =jalopy; =tesla; =electric car; =toy car; =hot rod; =muscle car; =batmobile;"
        " =cabriolet; =vehicles; =motor; =automobiles; =sports car; =cop car; =ambulance",
        "kind=sedan": "=limousine; =limo; =stretch limo; =family sedan; =salon car; =four door car;"
        " =executive car; =sedans; =mercedes; =bmw; =rolls royce",
        "kind=hatchback": "=hatch; =compact car; =small car; =city car; =estate car; =suv; =jeep;"
        " =station wagon; =golf gti; =mini cooper; =beetle car; =minivan; =hatchbacks; =volkswagen"
        " beetle; =family car; =people carrier; =crossover; =off roader; =land rover; =prius",
        "kind=bus": "=buses; =school bus; =double decker bus; =minibus; =city bus; =tour bus; =coach"
        " bus; =motorhome; =campervan; =omnibus; =rv; =tram; =camper; =shuttle bus",
        "kind=bus|hatchback": "=van; =delivery van; =vans; =transit van; =panel van; =camper van;"
        " =transporter",
        "kind=pickup": "=lorry; =trucks; =pick up; =pick up truck; =ute; =lorries; =flatbed;"
        " =flatbed truck; =semi; =semi truck; =dump truck; =tow truck; =tipper; =18 wheeler; =hgv;"
        " =fire truck; =fire engine; =pickups; an open bed; a loading bed; a flat bed; a cargo bed;"
        " a load bed; a truck bed; =ford f150; =freight truck; =hilux; =box truck; =tractor trailer;"
        " =lorry with an open bed",
        "kind=pickup wheel_size=large": "=monster truck; =bigfoot truck",
        "wheels=4": "two axles; four tyres; four tires; four wheeled ~; a wheel at each corner",
        "wheels=6": "three axles; six tyres; six tires; six wheeled ~; six wheeler ~; three pairs of"
        " wheels",
        "wheel_size=large": "huge wheels; giant wheels; big tires; huge tyres; chunky wheels;"
        " oversized wheels; monster wheels; large tyres; big fat wheels; massive wheels; big rims",
        "wheel_size=small": "tiny wheels; small tyres; little tires; teeny wheels; small rims",
        "roof=plain": "an empty roof; no roof rack; no roof box; a clean roof; no roof rails",
        "roof=rails|box": "a roof rack; a rack on the roof; a luggage rack; a rack on top; luggage"
        " on top; a roofrack",
        "roof=rails": "rails on top; roof bars; bars on the roof",
        "roof=box": "a box on top; a cargo box on the roof; a luggage box; a ski box; a thule box;"
        " a roof carrier; a roof top box",
        "spoiler=yes": "a big spoiler; a rear wing; a wing on the back; a spoiler at the back;"
        " spoilers; a tail wing; a fin at the back; spoilered ~; a spoiler on the boot",
        "spoiler=no": "no rear wing; no spoilers; no wing on the back",
    },
    "house": {
        "": "=houses; =homes; =buildings; =mansion; =villa; =cabin; =log cabin; =chalet; =farmhouse;"
        " =inn; =tavern; =pub; =hotel; =shop; =school; =manor; =residence; =dwelling; =family home;"
        " =tenement; =country house; =dollhouse; =doll house; =haunted house; =barn; =apartment"
        " building; =lodge; =skyscraper; =office block; =place to live; =block of flats;"
        " =townhouse; =town house; =terraced house; =gingerbread house; =church; =warehouse; =hall",
        "storeys=1": "=cottage; =hut; =shack; =shed; =one floor house; =ranch house; =single floor"
        " house; =bungalows; =cottages; =huts; =cabana; =garden shed; =rambler; one story; one"
        " storey; a single storey; a single floor; only a ground floor; ground floor only ~; one"
        " storey ~; single storey ~; one level; no upstairs",
        "storeys=2": "two stories; two levels; two storey ~; two story ~; an upper floor; an"
        " upstairs; double storey ~; two floors high; =maisonette; =two level house",
        "storeys=3": "three stories; three levels; three storey ~; three story ~; three floors"
        " high; triple storey ~; =three level house",
        "pitch=low": "a gently sloping roof; a low pitched roof; a gentle roof",
        "pitch=steep": "a pointy roof; a pointed roof; a tall roof; a sharp roof; a high roof; a"
        " steeply pitched roof; steep roofed ~; a steep pitched roof; =a frame house",
        "roof=gable|front_gable|hipped|shed": "a slanted roof; a sloping roof; a sloped roof; a"
        " pitched roof; a slanting roof",
        "roof=gable|front_gable": "gables; a triangular roof; a saddle roof; a pitched gable;"
        " gabled ~; a triangle roof; a gable",
        "roof=gable": "gable ends on the sides; gables left and right",
        "roof=front_gable": "a front gable; its gable end to the street; a gable facing front",
        "roof=hipped": "a pyramid roof; hip roofed ~; a four sided roof; a roof with four slopes;"
        " hips; a hipped rooftop; a pyramid shaped roof; a roof sloping on every side",
        "roof=flat": "flat roofed ~; a level roof; a roof terrace; a rooftop terrace; =cube house;"
        " =adobe; a flat top; no pitch to the roof",
        "roof=shed": "a lean to roof; a mono pitch roof; a single slope roof; a skillion roof; a"
        " one sided roof; a roof that slopes one way; a monopitch roof",
        "chimney=none": "no chimneys; no smokestack; no fireplace",
        "chimney=left": "a left chimney; the chimney on the left; a chimney on the left hand side",
        "chimney=right": "a right chimney; the chimney on the right; a chimney on the right hand"
        " side; a chimney stack on the right",
        "chimney=left|right": "a smoking chimney; a smokestack; a brick chimney; a stone chimney;"
        " a chimney stack; a fireplace; one chimney; a tall chimney",
        "door=left": "the door on the left; an entrance on the left; a front door on the left",
        "door=middle": "a door in middle; the entrance in the middle; a centred door; a door in the"
        " centre; a central entrance; a door at the center; the door between the windows",
        "door=right": "the door on the right; an entrance on the right; a front door on the right",
        "garage=none": "no garages; no carport; no place for a car",
        "garage=left": "the garage on the left; a left garage; a carport on the left; garage left",
        "garage=right": "the garage on the right; a right garage; a carport on the right; garage"
        " right",
        "garage=left|right": "a carport; an attached garage; a car port; a side garage; space for"
        " the car; a single garage; somewhere to park",
        "porch=yes": "a veranda; a verandah; a covered entrance; a front veranda; a stoop; a roofed"
        " entrance; a portico; a canopy over the door",
        "porch=no": "no veranda; no portico; no covered entrance",
        "wing=yes": "an extension; an annexe; a rear wing; an annex at the back; a rear extension;"
        " a back extension; =l shaped house; a side wing; an addition at the back",
        "wing=no": "no annex; no rear wing; no extension at the back",
    },
    "tree": {
        "": "=trees; =plant; =sapling; =bush; =bonsai; =houseplant; =shrub; =bonsai tree; =shade"
        " tree; =potted tree; =house plant; =willow; =weeping willow; =bushes; =forest tree",
        "crown=round": "=oak tree; =apple tree; =maple; =maple tree; =cherry tree; =orange tree;"
        " =fruit tree; =beech; =elm; =lemon tree; =olive tree; =chestnut tree; =birch tree; =linden;"
        " =deciduous tree; =broadleaf tree; =leafy tree; =sycamore; =lollipop tree; =bay tree;"
        " =ash tree; =beech tree; =walnut tree; =topiary ball; =peach tree; =oak; =pear tree;"
        " a ball of leaves; a spherical crown; a bushy top; a round top; round topped ~; a ball"
        " crown; round headed ~; leaves in a ball; a round canopy; =cherry blossom; =magnolia",
        "crown=fir": "=firs; =pines; =spruce; =spruces; =evergreen; =conifer; =xmas tree; =larch;"
        " =evergreen tree; =conifers; =spruce tree; =norway spruce; =redwood; =sequoia; =cedar;"
        " =tannenbaum; =pine trees; =fir trees; =christmas trees; a conical crown; a pointed crown;"
        " a cone shaped crown; triangular ~; a triangle top; cone shaped ~; needles",
        "crown=cypress": "=poplar; =poplars; =lombardy poplar; =cypresses; =italian cypress;"
        " =juniper; =thuja; columnar ~; a columnar crown; a crown like a column; tall and thin ~;"
        " a tall narrow crown; a thin crown; slender ~",
        "crown=umbrella": "=stone pine; =umbrella pine; =savanna tree; =parasol pine; =baobab; a flat"
        " top; flat topped ~; an umbrella crown; a crown like an umbrella; a crown like a parasol;"
        " umbrella shaped ~; a canopy like an umbrella; a wide flat canopy; an umbrella canopy",
        "crown=palm": "=coconut tree; =coconut palm; =date palm; =palms; =palm trees; =palmtree;"
        " =tropical tree; fronds; palm fronds; coconuts; big tropical leaves; =beach tree",
        "trunks=1": "one trunk; only one trunk; just one stem",
        "trunks=2": "twin trunks; a double trunk; a forked trunk; two stems; a split trunk; double"
        " trunked ~; a pair of trunks",
        "trunk=tall": "a high trunk; a really long trunk; long stemmed ~; a tall stem",
        "trunk=short": "a stubby trunk; a low trunk; a small trunk; a short stem; a tiny trunk",
        "girth=thick": "a fat trunk; a chunky trunk; a wide trunk; a big trunk; a massive trunk; a"
        " stout trunk; thick trunked ~; a broad trunk; a heavy trunk",
        "girth=thin": "a skinny trunk; a slender trunk; a narrow trunk; thin trunked ~; a spindly"
        " trunk; a thin stem; a skinny stem; a delicate trunk",
        "lean=straight": "a straight trunk; perfectly straight ~; not leaning ~; straight up ~;"
        " a vertical trunk; an upright trunk; growing straight up; no lean; not tilted ~",
        "lean=left": "leaning left ~; tilted left ~; leaning to the left; bent to the left; tilting"
        " left; a trunk that leans left; blown to the left; slanting left; lopsided to the left",
        "lean=right": "leaning right ~; tilted right ~; leaning to the right; bent to the right;"
        " tilting right; a trunk that leans right; blown to the right; slanting right",
        "lean=left|right": "crooked ~; bent ~; windswept ~; a bent trunk; a leaning trunk; a tilted"
        " trunk; wonky ~; slanted ~; blown by the wind; a slanted trunk; a sloping trunk; lopsided ~",
        "layers=1": "one ball of leaves; a single ball; one tier",
        "layers=2": "a second crown; two balls; two balls of leaves; double layered ~; two tiered ~",
        "layers=3": "three tiered ~; triple layered ~; three levels of branches; three balls",
        "base=ground": "bare ground; growing in the ground; straight out of the ground; no pot and"
        " no mound; flat earth below",
        "base=ground|mound": "no flowerpot; no planter; not in a pot; no container",
        "base=ground|pot": "no hill; not on a hill; no mound of earth",
        "base=pot": "a planter; a flowerpot; a plant pot; in a pot; =potted plant; =pot plant; in a"
        " planter; a clay pot; a container; a tub; growing in a pot; a bucket; =house plant in a"
        " pot; =houseplant; a terracotta pot; =bonsai; in a tub",
        "base=mound": "on a hill; a hill; a little hill; a hillock; on a mound; standing on a hill;"
        " on top of a hill; a small mound; growing on a hill; earth heaped below; on a hillock",
    },
    "mug": {
        "": "=mugs; =cups; =coffee mug; =coffee cup; =teacup; =tea cup; =tea mug; =cuppa; =beaker;"
        " =beer mug; =tankard; =goblet; =stein; =tumbler; =espresso cup; =cappuccino cup; =chalice;"
        " =cup for coffee; =drinking cup; =coffeecup; =mug for tea; =travel mug; =demitasse",
        "full=yes": "coffee in it; tea in it; coffee inside; hot chocolate; full of coffee; full of"
        " tea; filled with coffee; a drink inside; hot cocoa; coffee; tea; steaming ~; something"
        " in it; a drink in it; =cup of tea; =cup of coffee; =mug of coffee; =mug of cocoa; beer in"
        " it; milk inside; full to the brim ~; =mug of tea; =cup of joe; a hot drink",
        "full=no": "nothing in it; nothing inside; no coffee; no drink in it; no coffee in it; no"
        " liquid; no tea in it; no drink",
        "height=tall": "=tall mug; =latte mug; elongated ~; =pint mug",
        "height=short": "squat ~; stubby ~; small ~; =espresso cup; =espresso mug; shallow ~; little"
        " ~; tiny ~; =demitasse; wide and low ~",
        "outline=round": "cylinder shaped ~; cylindrical ~; a round body; a round shape",
        "outline=square": "boxy ~; square shaped ~; a square body; cube shaped ~; four sided ~; with"
        " corners ~; a square shape; cubic ~",
        "sides=straight": "straight sided ~; straight walls; vertical sides; upright walls",
        "sides=tapered": "tapered ~; conical ~; sloping sides; narrower at the bottom; a conical"
        " shape; cone shaped ~; wider at the top; flared ~; narrow at the bottom; slanting sides",
        "sides=rounded": "bulging sides; bellied ~; a round belly; bulbous ~; curvy ~; rounded ~; a"
        " belly; barrel shaped ~; curvy sides; a bulging belly",
        "handle=none": "handleless ~; without handles ~; no grip; nothing to hold it by; no ear",
        "handle=left": "the handle on the left; its handle to the left; a handle at the left side;"
        " a left side handle; a left handed handle; a handle on the left side; for left handers",
        "handle=right": "the handle on the right; its handle to the right; a handle at the right"
        " side; a right side handle; a handle on the right side; for right handers",
        "handle=left|right": "one handle; a big handle; a fat handle; a grip; handle; a chunky"
        " handle; a large handle; an ear; a little handle; a thin handle; a looped handle",
        "handle=both": "handles; a handle on each side; two ears; two handled ~; double handled ~; a"
        " pair of handles; a handle either side; handles left and right; two grips",
        "handle_shape=round handle=left|right": "a curvy handle; a loop handle; a c shaped handle;"
        " a rounded handle; a handle like a ring; a ring handle; a circular handle",
        "handle_shape=square handle=left|right": "a boxy handle; a rectangular handle; a blocky"
        " handle; a handle with corners; a square edged handle",
        "rim=yes": "a lip; a thick lip; a wide rim; a rolled rim; a chunky rim; a thick edge; rimmed"
        " ~; a raised rim",
        "rim=no": "no lip; rimless ~; no edge; a thin edge",
        "saucer=yes": "a plate; a plate under it; a little plate; on a saucer; a matching saucer;"
        " =cup and saucer; =teacup and saucer; saucer included; a small plate underneath; a coaster",
        "saucer=no": "no plate; no plate under it; no coaster",
    },
    "boat": {
        "": "=boats; =ship; =ships; =fishing boat; =trawler; =barge; =gondola; =watercraft; =raft;"
        " =submarine tender; =life boat; =lifeboat; =noah's ark; =warship; =toy boat; =battleship;"
        " =junk; =skiff; =houseboat; =narrowboat; =tub",
        "kind=rowing": "=row boat; =canoe; =kayak; =rowing boats; =rowboats; =dinghy; =row boats;"
        " =punt; =canoes; =dugout; =coracle; =rowing dinghy; to row ~; =shell for rowing; =gondola;"
        " =scull",
        "kind=sailing": "=sail boat; =sailing ship; =pirate ship; =galleon; =schooner; =catamaran;"
        " =viking ship; =sailboats; =sailing boats; =longship; =clipper; =tall ship; =viking boat;"
        " =sloop; =dhow; =caravel; =sailing yacht; =pirate boat; =sailing vessel; sails; a sail;"
        " a mast; sails up; white sails; =frigate; =brig; masts; =sailing dinghy; =ketch; =yawl",
        "kind=motor": "=motor boats; =speedboat; =speed boat; =steamboat; =steamer; =ferry; =tug;"
        " =tugboat; =cruise ship; =steamship; =motor yacht; =ocean liner; =container ship; =titanic;"
        " =steam ship; =cabin cruiser; =power boat; =powerboat; =tug boat; =paddle steamer;"
        " =motorboats; =freighter; =riverboat; =ocean cruiser; =cargo ship; =jet boat; =yacht;"
        " an outboard motor; a motor; an engine; =tanker; =coast guard boat; =superyacht",
        "beam=wide": "a wide body; fat ~; beamy ~; a fat hull; chunky ~; tubby ~",
        "beam=narrow": "slim ~; skinny ~; thin ~; a slim hull; sleek ~; a thin hull; a skinny hull",
        "stern=flat": "a flat back; a transom; a transom stern; a flat back end; a square back; a"
        " square back end; flat at the back ~",
        "stern=pointed": "a pointy back; a pointed back; double ended ~; pointed at both ends ~; a"
        " pointy stern; sharp at both ends ~; pointy at both ends ~",
        "benches=0": "no seats; nowhere to sit; no seating; no thwarts; no bench",
        "benches=1": "one seat; a seat; a single seat; one thwart; one plank to sit on",
        "benches=2": "two seats; two thwarts; a pair of benches; two planks to sit on",
        "benches=3": "three seats; three thwarts; three planks to sit on",
        "benches=1|2|3": "benches; seats; seating; thwarts; places to sit",
        "oars=yes": "paddles; an oar; a pair of oars; rowing oars; two paddles; its oars out",
        "oars=no": "no paddles; no oar; without paddles ~",
        "sails=none": "no sail; no masts; sailless ~; no mast and no sails",
        "sails=one_triangular": "a triangle sail; one triangle sail; a bermuda sail; a lateen sail",
        "sails=two_triangular": "two triangle sails; triangular sails; triangle sails; two"
        " triangular sheets; a jib and mainsail",
        "sails=one_square": "a rectangular sail; one big square sail; a square rig; square rigged ~",
        "sails=two_square": "two rectangular sails; square sails",
        "sails=one_triangular|one_square": "a big sail; only one sail; a large sail; a white sail;"
        " a single mast and sail; a sail; a huge sail; sail",
        "sails=two_triangular|two_square": "a pair of sails; 2 big sails; two white sails",
        "cabin=none": "no deckhouse; no house on deck; no wheelhouse; open ~; open topped ~; no roof",
        "cabin=one_storey|two_storeys": "a cabin; a wheelhouse; a deckhouse; a bridge on deck; a"
        " cabin on top; a little cabin; a covered cockpit; a deck house; a captain's cabin",
        "cabin=one_storey": "a one storey cabin; a small cabin; a short cabin; a single storey"
        " cabin; a cabin with one floor; a single deck cabin",
        "cabin=two_storeys": "a two storey cabin; two decks; a cabin with two floors; a big cabin; a"
        " double deck cabin; a two level cabin; a high cabin; a two deck cabin; double decker ~",
        "funnels=0": "no smokestacks; no funnel; no chimneys; no chimney",
        "funnels=1": "a smokestack; a chimney; one smokestack; one chimney; a smoke stack; a single"
        " chimney; a tall funnel; one smoke stack; a big funnel",
        "funnels=2": "two smokestacks; two chimneys; twin funnels; two smoke stacks; a pair of"
        " funnels; two stacks",
        "funnels=1|2": "funnels; smokestacks; chimneys",
    },
    "rocket": {
        "": "=rockets; =space ship; =space rocket; =space shuttle; =missile; =rocketship; =moon"
        " rocket; =spacecraft; =spaceships; =starship; =rocket ship; =saturn v; =space craft;"
        " =falcon 9; =shuttle; =launcher; =launch vehicle; =missiles; =firework rocket; =v2;"
        " =interplanetary rocket; =firework; =toy rocket; =nasa rocket; =spacex rocket",
        "build=stout": "chunky ~; chubby ~; thick ~; wide ~; a fat body; tubby ~; stubby ~; squat ~;"
        " a thick body; a wide body; a chunky body; plump ~",
        "build=slim": "slender ~; skinny ~; narrow ~; a thin body; a skinny body; sleek ~; a slender"
        " body; a narrow body; tall and thin ~; needle like ~; long and thin ~",
        "nose=pointed": "a pointy nose; a pointy tip; a sharp tip; pointy ~; a pointed tip; a cone on"
        " top; a pointy top; a needle nose; a conical nose; super pointy ~; a spike on top; a sharp"
        " point; pointed ~; a conical tip; a cone nose; a nosecone; a tip like a needle",
        "nose=round": "a round tip; a dome nose; round nosed ~; a blunt tip; a rounded tip; a domed"
        " nose; a round top; blunt nosed ~; a bullet nose; a nose like a dome; a rounded top",
        "stages=1": "one stage only; single stage ~; not staged; a one piece body",
        "stages=2": "two stage ~; a second stage; a two stage body; two sections; an upper stage",
        "fins=3": "three fin ~; three finned ~; three tail fins; three wings",
        "fins=4": "four fin ~; four finned ~; four tail fins; four wings; fins on all four sides",
        "fin_shape=triangular": "triangle fins; pointy fins; swept fins; fins like triangles; pointed"
        " fins; angled fins; sloped fins; delta fins",
        "fin_shape=rectangular": "box fins; rectangle fins; fins like squares; boxy fins; blocky"
        " fins; square cut fins",
        "boosters=0": "no booster; no side boosters; no strap on boosters; no side rockets",
        "boosters=2": "a pair of boosters; two side boosters; two booster rockets; a booster on each"
        " side; twin boosters; two side rockets; two strap on boosters",
        "boosters=3": "three side boosters; three booster rockets; three strap on boosters",
        "boosters=4": "four side boosters; four booster rockets; four strap on boosters; boosters all"
        " round",
        "boosters=2|3|4": "side boosters; booster rockets; strap on boosters; side rockets; extra"
        " boosters",
        "stand=fins": "standing on its fins; stands on its fins; standing on fins; landing fins;"
        " resting on its fins; fins that it stands on; stands up on its own fins; no engine nozzle;"
        " fins as legs; balanced on its fins",
        "stand=nozzle": "an exhaust nozzle; an engine at the bottom; an exhaust; a thruster; an engine"
        " bell; a rocket engine; thrusters; one nozzle; a big nozzle; an exhaust cone; standing on"
        " its nozzle; a jet nozzle",
    },
    "stool": {
        "": "=stools; =milking stool; =seat without a back; =tabouret; =pouf; =step stool; =piano"
        " stool; =kitchen stool; =pouffe; =hocker; =shop stool; =workshop stool; =garden stool",
        "height=tall": "=bar stools; =barstool; =barstools; =counter stool; =breakfast bar stool; =pub"
        " stool; =high stool; =bar chair; =counter stools; bar height ~; counter height ~; at bar"
        " height; for the bar; long legged ~",
        "height=low": "=foot stool; =ottoman; =low stool; small ~; little ~; tiny ~; =kids stool;"
        " =footrest; =pouf; =child's stool; =hassock; near the floor ~; =stepstool; squat ~",
        "seat=round": "a disc seat; round ~; circular ~; round seated ~; a seat like a disc",
        "seat=square": "a rectangular seat; square ~; boxy ~; square seated ~; a boxy seat",
        "base=four_legs": "four legged ~; 4 wooden legs; a leg at each corner",
        "base=three_legs": "=tripod stool; three legged ~; a tripod base; a tripod; =milking stool",
        "base=pedestal": "=swivel stool; one leg; a single leg; a central leg; a pedestal base; a pole"
        " in the middle; a central post; a column base; one central leg; a gas lift; =piano stool",
        "base=four_legs|three_legs": "legs; black legs; wooden legs; metal legs; thin legs",
        "legs=straight": "vertical legs; straight legged ~; legs that go straight down",
        "legs=splayed": "angled legs; slanting legs; legs that spread out; tapered legs; sloping legs;"
        " legs that splay out; splayed out legs; legs at an angle; flared legs; spread legs",
        "footrest=yes": "foot rest; a foot ring; a ring for the feet; a bar for your feet; a foot"
        " rail; a foot rest; a foot bar; a bar to put your feet on; footrests; a rung for my feet; a"
        " place for the feet; somewhere to put my feet",
        "footrest=no": "no foot rest; no foot ring; no foot rail; no bar for the feet",
        "cushion=yes": "cushioned ~; padded ~; a padded seat; a soft seat; padding; upholstered ~; a"
        " soft cushion; a leather cushion; a leather seat; a pad; a comfy cushion; a pillow on top;"
        " cushions; a soft top; an upholstered seat; a fabric seat",
        "cushion=no": "no padding; a hard seat; not padded ~; unpadded ~; no cushions; no pad; a"
        " hard wooden seat",
        "hole=yes": "a hole in the middle; a hole to carry it by; a handle hole; a grip hole; a carry"
        " hole; a slot in the seat; a hole",
        "hole=no": "no hole in the seat; no hand hole",
    },
    "bench": {
        "": "=benches; =garden bench; =park bench; =picnic bench; =bench seat; =hall bench; =dining"
        " bench; =piano bench; =bus stop bench; =locker room bench; =entryway bench; =garden seat;"
        " =park seat; =outdoor bench; =gym bench; =form",
        "back=ladder|slatted|solid": "=pew; =church pew; =pews; =settle; =backed bench; a back; a"
        " back rest; a back to lean on; a backrest to lean on; something to lean on",
        "length=long": "=long bench; wide ~; extra long ~; super long ~; for four people; long"
        " enough for four; stretched ~; really long ~; seats four; room for four; lengthy ~",
        "length=short": "=short bench; small ~; little ~; narrow ~; for one person; compact ~; tiny ~",
        "seat=solid": "a plank seat; one solid plank; a slab seat; a solid top; a seat in one piece",
        "seat=slatted": "a slat seat; wooden slats; a seat with slats; slats; slatted ~; planks with"
        " gaps; a seat of slats; a seat made of planks; boards to sit on; gaps between the boards",
        "back=none": "no backrest; without a back ~; no back rest; nothing to lean on; nothing to lean"
        " against; without back ~",
        "back=ladder": "horizontal slats in the back; a back with rungs; horizontal bars in the back",
        "back=slatted": "vertical slats; a back with slats; slats in the back; a slat back; a spindle"
        " back; vertical bars in the back",
        "back=solid": "a full back; a plank back; a back without gaps; a panel back",
        "reclined=yes": "a sloped back; a tilted back; a back that leans back; a slanted back",
        "reclined=no": "a vertical back; an upright backrest; a straight backrest",
        "arms=yes": "arm rests; an armrest; arms at both ends; curly arms; arms at the ends; side"
        " arms; armrests at each end; an arm at each end",
        "arms=no": "no arm rests; armless ~; no arms at all; without arms ~",
        "base=four_legs": "four legged ~; 4 wooden legs; a leg at each corner",
        "base=six_legs": "six legged ~; 6 wooden legs; three pairs of legs; three legs each side",
        "base=four_legs|six_legs": "legs; wooden legs; metal legs; hairpin legs; black legs; thin legs",
        "base=side_panels": "slab ends; solid ends; slab sides; solid sides; panels at the ends;"
        " straight ends; panel ends; slab legs; stone ends; waterfall ends; high ends",
        "base=trestles": "trestle legs; sawhorse legs; a legs; x legs; crossed legs; sawhorses",
        "stretcher=yes": "a crossbar; a bar between the legs; a rail below; a cross bar; a brace; a"
        " beam between the legs; a crossbeam; a cross beam",
        "stretcher=no": "no crossbar; no brace; no bar between the legs; no cross bar",
    },
    "vase": {
        "": "=vases; =urn; =flower vase; =amphora; =flower pot; =jar; =pot; =pitcher; =flower jar;"
        " =jug; =pottery vase; =ming vase; =urns; =jardiniere; =ewer; =ceramic vase; =glass vase;"
        " =decorative vase; =clay jar; =carafe; =ceramic pot",
        "height=tall": "=tall vase; lofty ~; elongated ~; =floor vase",
        "height=squat": "=fish bowl; =bowl vase; stubby ~; =flower bowl; small ~; dumpy ~; little ~",
        "outline=round": "a round cross section; rounded ~; cylinder shaped ~",
        "outline=square": "boxy ~; square shaped ~; four sided ~; a square cross section; cubic ~;"
        " with corners ~; cube shaped ~",
        "profile=cylindrical": "cylindrical ~; a cylinder shape; straight walls; straight sided ~;"
        " tube shaped ~; straight up and down ~; a tube shape; =cylinder vase; vertical sides",
        "profile=flared": "flared ~; a flared mouth; a flaring mouth; wider at the top; trumpet shaped"
        " ~; a trumpet shape; opening outwards; flaring out at the top; =trumpet vase; a wide mouth;"
        " a wide opening; conical ~; fluted ~; flaring ~",
        "profile=bellied": "bellied ~; a wide belly; a fat belly; a round belly; bulbous ~; fat in the"
        " middle; a swollen belly; swollen at the belly ~; pot bellied ~; bulging ~; a big belly;"
        " a round middle; a fat middle; rounded in the middle; globe shaped ~; a bulbous body",
        "profile=shouldered": "shouldered ~; high shoulders; wide at the shoulders; big shoulders;"
        " =ginger jar; =meiping; broad shouldered ~; widest near the top",
        "profile=long-necked": "long necked ~; a narrow neck; a thin neck; a slender neck; a tall neck;"
        " a skinny neck; slim at the neck ~; =bottle vase; =bud vase; a long thin neck; narrow at the"
        " neck ~; narrow necked ~; a narrow mouth; narrow at the mouth ~; a swan neck",
        "handles=yes": "=amphora; a handle on each side; a pair of handles; two handled ~; ears; two"
        " ears; double handled ~; handles left and right; a handle on both sides; handled ~",
        "handles=no": "handleless ~; no handle; without handles ~; no ears",
        "foot=yes": "a base; a footed base; footed ~; a stand; a pedestal; a pedestal foot; a raised"
        " foot; a ring foot; a wide base",
        "foot=no": "no base; no stand; no pedestal; a flat bottom",
        "rim=yes": "a lip; a thick rim; a thick lip; a rolled rim; rimmed ~; a flared rim; a wide lip",
        "rim=no": "no lip; rimless ~; a plain edge",
        "filling=none": "nothing in it; nothing inside; no flowers and no branches; unfilled ~; no"
        " contents; without anything in it ~; with nothing in it ~",
        "filling=none|branches": "no blossoms; no bouquet; no roses; no tulips; flowerless ~",
        "filling=two_flowers": "two roses; two tulips; a couple of flowers; two daisies; a pair of"
        " flowers; two stems; a couple of roses; two sunflowers; two lilies",
        "filling=three_flowers": "three roses; three tulips; three daisies; three stems; three"
        " sunflowers; three lilies",
        "filling=two_flowers|three_flowers|bouquet": "tulips; roses; daisies; sunflowers; lilies;"
        " blossoms; full of flowers; filled with flowers; some flowers; fresh flowers; daffodils;"
        " a few flowers; blooms; wild flowers; flowers in it; peonies; orchids; =vase of flowers;"
        " =vase of roses; =vase with flowers",
        "filling=bouquet": "a bunch of flowers; a big bouquet; lots of flowers; a bunch of roses; a"
        " posy; many flowers; a bunch of tulips; a dozen roses; loads of flowers",
        "filling=branches": "dry branches; willow branches; sticks; dried twigs; a branch; some twigs;"
        " dead branches; cherry branches; a few twigs; pussy willow",
    },
    "bottle": {
        "": "=bottles; =wine bottle; =beer bottle; =water bottle; =decanter; =vial; =milk bottle;"
        " =whisky bottle; =champagne bottle; =bottle of wine; =potion bottle; =potion; =perfume"
        " bottle; =thermos; =jug bottle; =glass bottle; =carboy; =canteen; =bottle of beer;"
        " =medicine bottle; =soda bottle; =coke bottle; =sauce bottle; =demijohn; =phial; =health"
        " potion; =wine bottles; =flagon; =rum bottle; =hip flask; =bottle of rum; =ketchup bottle",
        "build=slim": "thin ~; skinny ~; narrow ~; tall and thin ~; tall ~; sleek ~; tall and slim ~",
        "build=stout": "squat ~; fat ~; chunky ~; stubby ~; wide ~; chubby ~; dumpy ~; wider than it is"
        " high ~; plump ~; short ~; tubby ~; short and wide ~",
        "flat=yes": "=hip flask; =pocket flask; a flat body; flattened on two sides ~; =flask bottle;"
        " a flattened body; flat sided ~; pocket sized ~",
        "flat=no": "not flat ~; a deep body; not flattened ~",
        "outline=round": "cylindrical ~; a round body; circular ~; cylinder shaped ~; rounded ~",
        "outline=square": "boxy ~; square shaped ~; four sided ~; a square body; with corners ~; =gin"
        " bottle; rectangular ~; cube shaped ~; a box body",
        "body=straight": "straight sided ~; a straight body; vertical sides; straight walls",
        "body=conical": "conical ~; cone shaped ~; tapered ~; a wide bottom; wider at the bottom; a"
        " cone shape; =erlenmeyer flask; tapering ~; a broad bottom; sloping sides; =ship's decanter",
        "body=round": "bulbous ~; bulging ~; a bulbous body; a round belly; =potion flask; ball shaped"
        " ~; a spherical body; a fat belly; globe shaped ~; bellied ~; =chianti bottle; a ball body",
        "body=conical|round": "a wide base; a fat bottom; a big bottom; a wide body below",
        "neck=long": "long necked ~; a tall neck; a thin neck; a slender neck; a really long neck; a"
        " skinny neck; longneck ~; a narrow neck; =longneck",
        "neck=short": "a stubby neck; short necked ~; a small neck; almost no neck; hardly any neck; a"
        " tiny neck",
        "stopper=none": "open ~; uncorked ~; no lid; no top; no corks; no stoppers; not corked ~;"
        " without a lid ~; no cap on it; uncapped ~; an open top",
        "stopper=narrow": "corked ~; a cork in it; a cork on top; a cork stopper; its cork in; a"
        " bottle cork; a cork in the neck; stoppered with a cork ~; a thin stopper; a small stopper",
        "stopper=wide": "a lid; a screw cap; a screw top; a wide lid; capped ~; a big cap; a bottle cap;"
        " a screw lid; a crown cap; a top; a big lid; a twist cap; a wide cap; a cap on top",
        "stopper=narrow|wide": "stoppered ~; closed ~; a bung; a plug; sealed ~; a stopper in it; a"
        " glass stopper",
        "handle=none": "handleless ~; no handles; no grip; without a handle ~",
        "handle=left": "the handle on the left; a grip on the left; its handle to the left; a handle on"
        " the left side",
        "handle=right": "the handle on the right; a right handle; a grip on the right; its handle to"
        " the right; a handle on the right side",
        "handle=left|right": "one handle; a grip; a handle on the side; =jug; handled ~; =growler; a"
        " loop handle; a small handle; a carrying handle; =moonshine jug",
    },
    "animal": {
        "": "=animals; =creature; =pet; =cow; =cat; =pig; =sheep; =goat; =deer; =lion; =tiger; =fox;"
        " =bear; =wolf; =kitten; =kitty; =rhino; =hippo; =camel; =llama; =zebra; =bull; =moose;"
        " =stag; =mouse; =rabbit; =critter; =beast; =cows; =cats; =dinosaur pet; =alpaca; =reindeer;"
        " =panda; =donkey; =farm animal; =zoo animal; =quadruped; =lamb; =calf; =leopard; =cheetah;"
        " =buffalo; =mule; =antelope; =hamster; =squirrel; =monkey; =ox; =bunny; =gazelle",
        "kind=dog": "=dogs; =puppy; =pup; =doggy; =poodle; =hound; =labrador; =terrier; =bulldog; =pug;"
        " =husky; =german shepherd; =retriever; =golden retriever; =puppies; =doggo; =beagle; =collie;"
        " =greyhound; =spaniel; =dalmatian; =mutt; =chihuahua; =sheepdog; =rottweiler; =doggie; =great"
        " dane; =canine; =guard dog; =corgi; =whippet; =border collie; =boxer dog; =wolfhound",
        "kind=dog legs=short": "=dachshund; =sausage dog; =corgi; =wiener dog; =basset hound; =basset;"
        " =dachshunds",
        "kind=horse": "=horses; =pony; =stallion; =mare; =horsey; =foal; =steed; =mustang; =shire"
        " horse; =racehorse; =ponies; =unicorn; =colt; =carthorse; =war horse; =gelding; =nag; =equine",
        "kind=giraffe": "=giraffes; =girafe; =baby giraffe; a long neck; a really long neck",
        "kind=elephant": "=elephants; =mammoth; =jumbo; =baby elephant; =african elephant; =woolly"
        " mammoth; =elephant calf; =circus elephant; a trunk; a long trunk; tusks and a trunk",
        "build=slim": "skinny ~; thin ~; lean ~; lanky ~; a thin body; a slim body; a skinny body;"
        " slim built ~; graceful ~",
        "build=stout": "chubby ~; chunky ~; chonky ~; chonkiest ~; plump ~; tubby ~; overweight ~; a"
        " fat body; a big belly; a round belly; well fed ~; fattest ~; stocky ~; heavy ~; roly poly ~",
        "ears=upright": "pointy ears; pricked ears; ears that stand up; ears up; perky ears; sharp"
        " ears; standing ears; its ears pricked; ears that point up; erect ears",
        "ears=hanging": "droopy ears; drooping ears; ears that hang down; ears down; lop ears; flappy"
        " ears; ears that flop down; dangling ears; long ears; ears that droop; floppy eared ~",
        "ears=spread": "big ears; huge ears; ears that stick out; giant ears; wide ears; enormous"
        " ears; massive ears; ears huge; ears big; big eared ~",
        "horns=yes": "antlers; a pair of horns; horned ~; little horns; curved horns; big horns; sharp"
        " horns; =stag; =ram; =bull; =reindeer; =goat",
        "horns=no": "no antlers; hornless ~; no horn; without horns ~",
        "legs=short": "stubby legs; short legged ~; tiny legs; little legs; small legs; stumpy legs;"
        " legs that are short; low legs",
        "legs=long": "long legged ~; lanky legs; high legs; leggy ~; legs that are long; really long"
        " legs",
        "tail=up": "its tail up; a tail up; tail up; a tail in the air; its tail raised; a tail held"
        " high; a tail sticking up; a perky tail; a tail that goes up; an upright tail; tail raised",
        "tail=down": "its tail down; a tail down; tail down; a drooping tail; a lowered tail; its tail"
        " hanging; a droopy tail; a tail between its legs; a tail that goes down; tail low",
        "saddle=yes": "saddled ~; a saddle on; a riding saddle; a leather saddle; ready to ride ~; a"
        " saddle on top; a seat on its back; a howdah; tacked up ~; wearing a saddle",
        "saddle=no": "bareback ~; unsaddled ~; no saddle on; no seat on its back; without a saddle ~",
    },
    "robot": {
        "": "=robots; =android; =droid; =mech; =bot; =mecha; =cyborg; =automaton; =transformer;"
        " =terminator; =robo; =battle bot; =r2d2; =droids; =mechs; =gundam; =robot toy; =tin man;"
        " =cleaning robot; =war robot; =robot butler; =bots; =robbie; =golem; =c3po; =humanoid;"
        " =megazord; =toy robot; =battle mech; =robotic man; =tin robot; =humanoid robot; =robobutler",
        "body=boxy": "boxy ~; square ~; blocky ~; cube shaped ~; a cube body; a body like a box; a box"
        " body; square bodied ~; a rectangular body; a blocky body; made of boxes; a cubic body",
        "body=round": "round ~; a barrel body; chubby ~; rounded ~; a cylinder body; a cylindrical"
        " body; barrel shaped ~; a rounded body; fat ~; a ball body; barrel chested ~; a fat body",
        "body=tapered": "a tapered torso; a v shaped body; wide shoulders; broad shoulders; a slim"
        " waist; wide shouldered ~; a wide chest; broad shouldered ~; tapered ~; v shaped ~",
        "head=square": "a boxy head; a cube head; a box head; square headed ~; a box for a head; a head"
        " like a box; a blocky head; a cubic head; a rectangular head; a cube for a head",
        "head=domed": "a dome head; a round head; a dome for a head; round headed ~; dome headed ~; a"
        " spherical head; a dome shaped head; a dome on top; a bubble head; a helmet head",
        "face=eyes": "glowing eyes; red eyes; big eyes; googly eyes; led eyes; laser eyes; round eyes;"
        " an eye on each side; eyes that glow; a pair of eyes; bright eyes; light up eyes; lamp eyes",
        "face=visor": "a helmet visor; a glowing visor; a visor for eyes; a visor instead of eyes; a"
        " screen face; a slit for eyes; a face shield; visored ~; a cylon visor; a visor face; no eyes",
        "antennas=0": "no aerials; no antennae; no aerial; antenna free ~",
        "antennas=1": "an antenna; an aerial; one aerial; an antenna on its head; a single aerial; an"
        " antenna on top; antenna; just one antenna; a antenna; an antena",
        "antennas=2": "two aerials; two antennae; a pair of antennas; antennae; a pair of antennae;"
        " antennas; aerials; twin antennas; antennas on its head; rabbit ears",
        "arms=down": "its arms down; arms down; arms by its sides; arms at its sides; lowered arms;"
        " dangling arms; arms hanging down; arms hanging; relaxed arms",
        "arms=raised": "its arms up; arms up; hands up; arms in the air; its hands up; hands in the"
        " air; arms raised; waving arms; arms above its head; arms lifted; lifted arms; arms held up",
        "arms=forward": "arms out in front; outstretched arms; arms forward; arms stretched out;"
        " reaching arms; its arms out; arms reaching out; zombie arms; arms held out in front; arms"
        " pointing forwards; arms stretched forward",
        "base=legs": "legged ~; two feet; walking legs; on two legs; on legs; bipedal ~; two legged ~;"
        " strong legs; metal legs; legs not wheels; walking ~; a pair of legs",
        "base=wheels": "wheeled ~; on wheels; wheels instead of legs; wheels for feet; rolls on wheels;"
        " rolling ~; two wheeled ~; that rolls on two wheels; a pair of wheels; wheels not legs",
        "base=tracks": "treads; tank treads; tank tracks; caterpillars; tracked ~; on tracks; treads"
        " instead of legs; tracks like a tank; caterpillar treads; on treads; rubber treads; =wall e;"
        " crawler tracks; tracks instead of legs; tank like tracks; =tank robot; tank treads for feet",
        "backpack=yes": "a jetpack; a jet pack; a rucksack; a pack; a pack on the back; a bag on its"
        " back; a battery pack; wearing a backpack; a tank on its back; a power pack",
        "backpack=no": "no rucksack; no jetpack; no pack on its back; no pack; nothing on its back",
    },
    "bridge": {
        "": "=bridges; =footbridge; =overpass; =flyover; =foot bridge; =road bridge; =railway bridge;"
        " =wooden bridge; =covered bridge; =crossing; =walkway over water; =pedestrian bridge; =garden"
        " bridge; =packhorse bridge; =stone bridge; =train bridge; =rail bridge; =toll bridge;"
        " =drawbridge; =highway bridge; =plank bridge; =truss bridge",
        "height=low": "near the water ~; close to the water; close to the ground ~; a low deck",
        "height=high": "high up ~; far above the water; towering ~; high above the ground; a high deck",
        "width=narrow": "thin ~; slim ~; skinny ~; only for pedestrians; one lane ~; slender ~; single"
        " lane ~; a narrow deck",
        "width=wide": "two lane ~; a wide deck; four lane ~; several lanes; two lanes; broad decked ~;"
        " many lanes; wide enough for cars",
        "kind=beam": "=plank bridge; =simple bridge; =plain bridge; =log bridge; =trestle bridge; =beam"
        " bridges; beams; girders; just a plank across",
        "kind=arch": "=viaduct; =aqueduct; =roman bridge; =stone arch bridge; =stone arch; =arch"
        " bridges; arches; an arch; arched ~; stone arches; round arches; an arch below; =viaducts;"
        " =roman aqueduct; arcs; a curved arch underneath",
        "kind=suspension": "=golden gate bridge; =golden gate; =rope bridge; =hanging bridge; =brooklyn"
        " bridge; hung from cables ~; suspension cables; hanging cables; two towers; two big towers;"
        " =suspended bridge; towers and cables; =suspension bridges; suspended ~; =swing bridge",
        "kind=stayed": "=cable bridge; stay cables; cable stayed ~; =harp bridge; =fan bridge; stayed"
        " ~; straight cables from a pylon; =millau viaduct; =stayed bridge; diagonal cables",
        "kind=suspension|stayed": "cables; pylons; towers; a tower; cables holding it up; held up by"
        " cables ~",
        "spans=1": "one arch; a single arch; single span ~; no piers; one opening; single arch ~; no"
        " pillars; no supports in the middle; just one arch",
        "spans=2": "two arches; two openings; one pier in the middle; two span ~; a pillar in the"
        " middle; a pier in the middle; a support in the middle",
        "spans=3": "three arches; three openings; two piers; three span ~; two pillars",
        "spans=4": "four arches; four openings; three piers; four span ~; three pillars",
        "deck=flat": "flat ~; a level deck; flat along the top ~; a flat top; straight ~; a flat road;"
        " perfectly flat ~; level ~; a straight road on top; flat decked ~",
        "deck=humped": "=humpback bridge; =hump bridge; =moon bridge; =japanese bridge; humped ~; humpback"
        " ~; a hump; hump backed ~; curved ~; a bow in the middle; arching up in the middle; =japanese"
        " garden bridge; an arched deck; rising in the middle; curving up ~; a deck that curves up;"
        " higher in the middle ~; =hump back bridge",
        "railings=yes": "handrails; a handrail; a railing; guard rails; rails; rails on the sides;"
        " railings on both sides; parapets; ropes on the sides; a parapet; side rails; guardrails; a"
        " fence on each side; walls at the sides; barriers; bannisters; a balustrade; low walls",
        "railings=no": "no rails; no handrail; no handrails; no guard rails; no parapet; no railing; no"
        " barriers; no guardrails; nothing to hold on to; no sides",
    },
}

# Things that no family is.
OUTSIDE = (
    "dragon; pizza; guitar; sword; castle; dinosaur; phone; iphone; phone case; laptop; computer;"
    " keyboard; shoe; shoes; boot; hat; crown; banana; apple; burger; sandwich; cake; donut; flower;"
    " rose; sunflower; mushroom; cactus; rock; mountain; volcano; island; river; lake; beach; cloud;"
    " sun; moon; planet; earth; star; galaxy; snowman; skeleton; skull; zombie; ghost; vampire; witch;"
    " wizard; knight; king; queen; princess; soldier; ninja; pirate; man; woman; child; baby; girl;"
    " boy; person; people; face; hand; foot; eye; nose; heart; brain; bird; eagle; owl; parrot; duck;"
    " chicken; penguin; fish; shark; whale; dolphin; octopus; crab; lobster; snake; spider; butterfly;"
    " bee; ant; snail; turtle; frog; crocodile; t rex; piano; violin; drum; drums; trumpet; flute;"
    " bagpipes; saxophone; microphone; radio; television; tv; camera; clock; watch; ring; necklace;"
    " earring; bracelet; glasses; umbrella; bag; backpack; suitcase; wallet; key; keys; lock; hammer;"
    " screwdriver; saw; drill; wrench; plane for wood; smoothing plane; axe; knife; fork; spoon; plate;"
    " bowl; pan; frying pan; teapot; kettle; oven; fridge; toaster; microwave; dishwasher; washing"
    " machine; vacuum cleaner; bathtub; toilet; sink; shower; mirror; rug; carpet; curtain; curtains;"
    " blanket; pillow; picture frame; painting; statue; sculpture; bust; fountain; gravestone; coffin;"
    " treasure chest; barrel; crate; box; bucket; basket; ladder; fence; gate; door; window; stairs;"
    " staircase; lighthouse; windmill; tent; igloo; pyramid; temple; stadium; tower; eiffel tower;"
    " statue of liberty; train; locomotive; steam train; steam locomotive; tank; helicopter; bicycle;"
    " bike; motorcycle; scooter; skateboard; tractor; excavator; crane; bulldozer; submarine; hot air"
    " balloon; balloon; parachute; satellite; ufo; telescope; microscope; gun; pistol; rifle; cannon;"
    " bow and arrow; shield; helmet; armor; football; soccer ball; basketball; tennis racket; golf"
    " club; chess piece; chess set; dice; puzzle; lego brick; teddy bear; doll; puppet; kite; yoyo;"
    " gear; screw; bolt; nut; spring; pipe; wheel; engine block; battery; light bulb; circuit board;"
    " candle; torch; fire; bonfire; fireplace; cigarette; pencil; pen; book; notebook; newspaper;"
    " envelope; stamp; coin; money; flag; map; globe; trophy; medal; letter; number; logo; sphere; cube;"
    " pyramid shape; torus; cone; cylinder; spiral; knot; fractal; landscape; city; village; street;"
    " garden; forest; park; swimming pool; playground; swing; slide; seesaw; carousel; roller coaster;"
    " ferris wheel; snowflake; ice cream; lollipop; candy; cookie; bread; cheese; egg; carrot; pumpkin;"
    " tomato; potato; corn; pineapple; strawberry; grapes; cherry; peach; lemon; avocado; coffee beans;"
    " beer; wine; milk; water; jesus; buddha; ganesha; mario; sonic; pikachu; batman; spiderman; shrek;"
    " mermaid; unicycle; anchor; propeller; antenna; sofa cushion cover; toothbrush; comb; scissors;"
    " needle; button; zipper; shirt; t shirt; dress; trousers; sock; glove; scarf; tie; jacket; coat;"
    " wig; mask; tooth; bone; feather; leaf; twig; log; seed; gelatinous cube; mind flayer; beholder;"
    " phone stand; headphone; headphones; controller; playstation; xbox; mouse pad; printer; router"
)

FILLERS = (
    "please; pls; plz; can you make; could you make; can you make me; i want; i would like; i need;"
    " make me; make; give me; gimme; show me; draw; build; create; generate; design; let me have; id"
    " like; i am looking for; looking for; how about; what about; can i have; may i have; could i get;"
    " is it possible to have; just; maybe; um; uh; so; ok; okay; hello; hi; hey; yo; bro; dude; lol;"
    " thanks; thank you; thank you very much; thx; cheers; if you can; if possible; would be nice; for"
    " me; i think; you know; like; really; kind of; sort of; basically; actually; obviously; simply;"
    " one of those; something like; some kind of; do; try; can u do; can you do; could you do; sir;"
    " kindly; good day; good morning; good afternoon; nice; cool; beautiful; pretty; lovely; awesome;"
    " epic; simple; i would be grateful for; might i trouble you for; would it manage; go for; my"
    " dream is; imagine; a model of; a picture of; a 3d model of; 3d model; 3d; a render of; render of"
)

# Nouns that name a family but mean more than it has: a cat is made as an animal, and said so.
APPROXIMATE = frozenset(
    "cow cat pig sheep goat deer lion tiger fox bear wolf kitten kitty rhino hippo camel llama zebra"
    " bull moose stag mouse rabbit alpaca reindeer panda donkey lamb calf leopard cheetah buffalo"
    " mule antelope hamster squirrel monkey ox bunny gazelle ram unicorn mammoth skyscraper"
    " convertible coupe cabriolet roadster jeep tram ambulance biplane triplane submarine church"
    " barn kayak canoe raft bonsai willow drawbridge fountain tank".split()
)
# Words that ask for nothing.
GLUE = frozenset(
    "a an the some this that these those my your his her our their its it i you he she we they me him"
    " them us is are am be been being was were will would can could should shall may might must do"
    " does did done have has had having get got gets make makes made making want wants need needs to"
    " of for in on at by from with and or but so as if then than there here what who whose which"
    " where when how why just very really quite rather only also too pretty please thanks thank"
    " thing things one ones kind sort type style colored color paint painted shape shaped look looks"
    " looking like put add give show let use goes go going come comes take sit sits standing stand"
    " stands called name about around into out up off over it's not no any all both each every"
    " another other same such more most much many few lot lots bit little little while because since"
    " until before after again still yet even ever never always maybe perhaps possible obviously"
    " whatever something anything nothing somewhere someone anyone everything everyone without plus"
    " featuring including instead now today yes yeah ok okay well hello hi good day evening morning"
    " afternoon sir madam man young kindly job best nice cool awesome great lovely beautiful cute"
    " side sides part parts under below above between behind beside near next top bottom".split()
) - {"top", "bottom", "standing", "little", "sides", "many"}  # fmt: skip
