"""Writes tests/tokenizer/torture.txt: Unicode that breaks tokenizers. Run by hand; the result is committed.

usage: make_torture.py torture.txt
"""
import random
import sys

random.seed(0)
lines = []
add = lines.append

add("\ufeffA byte order mark begins this file, \ufeffand stands in the middle.")
add("It's, IT'S, it'S, don't, DON'T, we'll, WE'LL, we'Ll, you've, YOU'VE, I'm, I'M, they'd, THEY'D, you're, YOU'RE.")
add("it\u2019s don\u2019t 'S 's 'ſ 'T''''t 'Re're'rE 'll'LL'lL 'ſs a's's's 'k 'K 'K'")
add("emoji: 😀👍🏽👩‍👩‍👧‍👦🏳️‍🌈🇩🇪🇯🇵🇩 ☺️☺︎ 1️⃣#️⃣ 🧑🏿‍🚀 🫠🪿 ❤️‍🔥")
add("combining: é e\u0301 ạ̈ a\u0323\u0308 a\u0308\u0323 Å A\u030a Å ộ o\u0302\u0323 " + "Z" + "\u0300\u0316\u0315\u031b\u0345" * 12)
add("leading marks: \u0301a \u0301\u0301 \u20dd x\u20dd \u0488 и\u0488")
add("العربية: السلام عليكم ورحمة الله، كيف حالك؟ ١٢٣٤٥ ۱۲۳ مُحَمَّد ﷺ ﷽ لا ﻻ")
add("עברית: שלום עולם שָׁלוֹם \u200frtl\u200e \u202bembedded\u202c \u2067isolated\u2069")
add("中文：你好，世界。繁體字測試。「引號」《書名》𠀀𠮷𪚥 ㊀㊁ ㈱ ⼀⼁ 豈更 〇一二三")
add("日本語：ひらがなカタカナｶﾀｶﾅﾞ 漢字かな交じり文。が か\u3099 ヷ ワ\u3099 ーーー〜～ 々〆〻 ㍿ ㌀")
add("한국어: 안녕하세요 각 \u1100\u1161\u11a8 \u1100\u1161 \u1100 \u11a8 \uac00\u11a8 \u1160 \u115f ㄱㄴㄷ ﾡﾢ \ud7a3 \ud7b0\ud7cb")
add("ไทย: สวัสดีครับ ภาษาไทยไม่มีช่องว่าง ๑๒๓ ำ เกำ  ລາວ: ສະບາຍດີ ຳ  ខ្មែរ: សួស្តី  မြန်မာ: မင်္ဂလာပါ")
add("हिन्दी: नमस्ते दुनिया क्षत्रिय ज्ञान क़ ख़ १२३ தமிழ்: வணக்கம் தமிழ்நாடு తెలుగు: నమస్కారం  বাংলা: নমস্কার ৰ ড় ড়")
add("Ελληνικά: ΑΒΓ ΌΣΟΣ όσος ΐ ΐ ᾳ ᾼ ῼ ᾿ ῾ ´ ; · ϐϑϕ  Русский: Привет, мир! ЁЖИК ёжик И\u0306 Й  ქართული ᲥᲐᲠᲗᲣᲚᲘ Ꭰꭰ")
add("Türkçe: İstanbul ISPARTA ıi İİ i̇  Deutsch: Straße STRASSE ẞ ß  Lietuvių: Į̇ i̇́  Nederlands: ĳ Ĳ IJ")
add("ligatures: ﬁ ﬂ ﬀ ﬃ ﬅ ﬆ Ǆ ǅ ǆ ŉ ẖ ǰ ΐ և ﬓ  ½ ¼ ⅓ ² ³ ¹ ₁₂ ⁿ Ⅷ ⅷ ① ⒈ ㉑ ⓐ Ⓐ 🄰 🅐 🅰 ª º µ μ Ω Ω K K")
add("digits: 0 12 123 1234 12345 123456 1234567 12345678 123456789 1234567890 1,234,567.89 3.14159 1e-10 0x1F 2024-02-30")
add("other digits: ٣٤٥ ४५६ ๔๕๖ 𝟘𝟙𝟚𝟛 𝟬𝟭 ０１２３ ᠐᠑ ⅒ ↉ ௰ ௱ 〡〢 ꘠꘡ 𐄇 𒐀 ༳")
add("spaces:" + "".join(f"{c}x" for c in "\u0020\u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\u0085\u000b\u000c\u001c\u001d\u001e\u001f"))
add("runs of spaces:" + " ".join(" " * n + "w" for n in range(12)) + " \u00a0 \u00a0\u00a0x\u3000\u3000 y \t \t\tz\t")
add("trailing spaces here:    ")
add("   leading spaces here")
add("\t\ttabs\tand \t mixed\t \t")
add("")
add("")
add("   ")
add("CRLF:\r\nCR:\rLF:\n\r\n\r\n \r\n \n \r \t\n  \n\n\n\n   \nend \r\r\n\n\r")
add("vertical\u000btab form\u000cfeed next\u0085line line\u2028separator paragraph\u2029separator")
add("controls: " + "".join(chr(c) for c in range(0x00, 0x20) if c not in (10, 13)) + "\x7f" + "".join(chr(c) for c in range(0x80, 0xA0)))
add("zero width: a\u200bb a\u200cb a\u200db a\u2060b a\ufeffb a\u00adb a\u034fb a\u061cb a\u180eb \u200b\u200b \u200d\u200d")
add("private use: \ue000\uf8ff \U000f0000\U0010fffd  unassigned: \u0378\u0379\u0530 \u2fe0 \U0001fffa \U00050000 \U000e0080")
add("noncharacters: \ufffe\uffff\ufdd0\ufdef \U0001fffe\U0001ffff \U0010fffe\U0010ffff  near surrogates: \ud7fb\ud7fc\ud7ff\ue000\ue001")
add("replacement: \ufffd \ufffd\ufffd a\ufffdb  interlinear: \ufff9a\ufffab\ufffb  object: \ufffc")
add("tags: \U000e0001\U000e0065\U000e006e\U000e007f 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f  variation: a\ufe00 ︎ \U000e0100 葛\U000e0100 \u180b")
add("maths: ∀x∈ℝ: ⌈x⌉ = −⌊−x⌋ ≠ ∅ ≢ = \u0338 ∑∏∫ 𝒜𝔅𝕮 𝛼𝛽 √2 ⟨ψ|φ⟩ ×÷± ‰ ∞")
add("currency and punctuation: $€£¥₹₽₿¢ «a» ‹b› „c“ ‚d‘ “e” ‘f’ — – ‒ ― … ‥ · • ‣ † ‡ § ¶ ¿¡ ‽ ⁇ ⁉ ⸮ 、。〃「」『』【】〔〕〖〗 ︰﹐﹑ ！＂＃")
add("markup: <s></s> <s> </s>  <|endoftext|> <|im_start|>user\n[INST] [/INST] <unk> <pad> <0x41> <0x0A> <0xE4><0xB8><0xAD> ▁▁ ▁a Ġa Ċ ĉ ##ing </w> é Ã© Â")
add("underscore: _ __ ___ a_b _a a_ __init__ snake_case camelCase PascalCase SCREAMING_CASE kebab-case x² x_1 ‿ ⁀ ＿")
add("code: for(int i=0;i<n;++i){a[i]+=b[i]*2.5f;}//x\tif (a!=b&&c||!d) return -1; /* ** */ \\n \\u0041 'c' \"s\" `t` #!/bin/sh $HOME ~/x @y")
add("urls: https://example.com/a/b?c=d&e=%20f#g  mail: a.b+c@d-e.org  path: C:\\Users\\x ../y  ip: 192.168.0.1 ::1")
add("repeats: " + "a" * 700 + " " + "ab" * 300 + " " + "!" * 300 + " " + "-" * 257 + " " + "=" * 64 + " " + "哈" * 200 + " " + "é" * 150)
add("long word: " + "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(3000)))
add("long number: " + "".join(random.choice("0123456789") for _ in range(1000)))
add("no spaces: " + "".join(random.choice("abcdefg中文字日本語🙂éßñ0123.,!") for _ in range(2000)))
add("long run of spaces:" + " " * 1500 + "end")
add("long run of newlines:" + "\n" * 300 + "end")
add("long run of mixed white space:" + "".join(random.choice(" \t\n\r\u00a0\u3000") for _ in range(600)) + "end")
add("marks: a" + "".join(random.choice("\u0300\u0301\u0316\u0323\u0327\u0345\u05b0\u0651\u3099") for _ in range(400)))
blocks = [(0x20, 0x24F), (0x250, 0x3FF), (0x400, 0x5FF), (0x600, 0x8FF), (0x900, 0xDFF), (0xE00, 0x11FF),
          (0x1200, 0x1FFF), (0x2000, 0x2BFF), (0x2C00, 0x31FF), (0x3200, 0x4DFF), (0xA000, 0xABFF), (0xF900, 0xFFFF),
          (0x10000, 0x10FFF), (0x11000, 0x12FFF), (0x16800, 0x1BFFF), (0x1D000, 0x1EFFF), (0x1F000, 0x1FBFF),
          (0x20000, 0x2FA1F), (0xE0000, 0xE01EF)]
for low, high in blocks:
    add(f"{low:X}: " + "".join(chr(random.randint(low, high)) + random.choice(["", "", "", " ", "a", "1"])
                               for _ in range(120)))
for _ in range(60):
    low_high = [random.choice(blocks) for _ in range(40)]
    add("".join(random.choice([chr(random.randint(*b)), random.choice(" \n\ta1'.")]) for b in low_high))
add("the last line has no newline at its end, but spaces   ")

text = "\n".join(lines)
text = "".join(c for c in text if not 0xD800 <= ord(c) <= 0xDFFF)
with open(sys.argv[1], "w", encoding="utf-8", newline="") as out:
    out.write(text)
