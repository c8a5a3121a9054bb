"""What the reference tokenizers say, for oracle_test.cpp to compare with.

usage: oracle.py TORTURE_FILE SHARED_FOLDER OUTPUT_FOLDER [PART…]

Builds tokenizers with `tokenizers` and `sentencepiece` (small ones, trained on the spot), encodes texts with them and
writes OUTPUT_FOLDER/manifest.tsv, each line a tokenizer file and a case file. A case file is a run of records, numbers
little-endian 32-bit: flags (1: ids are those of the text; 2: special tokens were added; 4: a decoded text without special
tokens follows; 8: and one with them); then length and bytes of the text, of the ids, and of both decoded texts.
"""
import array
import json
import struct
import sys
from pathlib import Path

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

GPT4_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = GPT4_CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = GPT4_CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"
             r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
CLASSES = r"\w+|\b\.|[\d\h]|[^\s\w]\B|\s|\p{Han}+|\p{Hiragana}|\p{^Lu}|[a-f\-9-]+|\x{41}|\u0042|\t{2,}|x{0,2}y|[[a-c]1]"

STRINGS = [
    "", " ", "  ", "\n", "a", " a", "a ", "Hello, world!", " Hello", "  Hello  world  ", "<s>", "</s>", "a<s>b", " <s> ",
    "<s></s><s>", "<unk>", "<mask>", "x<mask>y", "x <mask> y", "x  <mask>  y", "word", "words", "a word here", "aword", "word.",
    "WORD", "Word word wOrd", "<|im_start|>user\nhi<|im_end|>\n", "<|im_start|><|im_start|>", "<|im_st", "<|im_start",
    "Café", "Cafe\u0301", "\u0301", "é<s>é", "ﬁn", "①", "<0x41>", "<0x0A>x", "▁", "▁▁a", "a▁b", " ▁ a", "\u00a0", "\u00a0<mask>\u00a0",
    "日本語", "👩‍👩‍👧‍👦", "\x00", "\ufffd", "\u2028", "don't DON'T", "1234567", "1 23 456 7890", "\r\n\r\n", " \n \n ", "a\u0300\u0316b",
    "i̇ İ ı I", "aaaa", "ab" * 40, "a" * 200, " " * 60, "abc\u200dabc", "naïve", "-–—", "a_b", "<mask><mask> <mask>", "\t<mask>",
    "the<mask>the", "Ünïcödé", "extra  extra", "extra", "ex", "e x t r a",
]

FROM_TEXT, SPECIAL, SKIPPING, KEEPING = 1, 2, 4, 8


class Suite:
    def __init__(self, output, torture, books):
        self.output = output
        self.torture = torture
        self.books = books
        self.rows = []
        self.skipped = []

    def write(self, tokenizer_file, name, cases):
        """cases: (text or None, special, function that gives the ids, function from ids and skipping to text or None)"""
        with open(self.output / f"{name}.cases", "wb") as out:
            for number, (text, special, encode, decode) in enumerate(cases):
                try:
                    ids = encode()
                except BaseException as error:  # the reference panics on a few texts: nothing to compare with
                    if "Panic" not in type(error).__name__:
                        raise
                    self.skipped.append(f"{name}.{number}")
                    continue
                decoded = [decode(ids, skip) for skip in (True, False)]
                flags = ((text is not None) * FROM_TEXT + special * SPECIAL + (decoded[0] is not None) * SKIPPING
                         + (decoded[1] is not None) * KEEPING)
                out.write(struct.pack("<I", flags))
                for part in (text or "", array.array("i", ids).tobytes(), decoded[0] or "", decoded[1] or ""):
                    part = part.encode() if isinstance(part, str) else part
                    out.write(struct.pack("<I", len(part)) + part)
        self.rows.append(f"{tokenizer_file}\t{name}.cases")

    def texts(self, with_books):
        texts = [*STRINGS, self.torture] + [self.books] * with_books
        return [(text, number % 2 == 0) for number, text in enumerate(texts)]

    def add(self, name, tokenizer, with_books=False):
        """All texts through a tokenizers.Tokenizer."""
        file = f"{name}.tokenizer.json"
        tokenizer.save(str(self.output / file))
        decode = lambda ids, skip: tokenizer.decode(ids, skip_special_tokens=skip)
        every = list(range(tokenizer.get_vocab_size()))
        self.write(file, name, [
            *((text, special, lambda text=text, special=special: tokenizer.encode(text, add_special_tokens=special).ids, decode)
              for text, special in self.texts(with_books)),
            *((None, False, lambda ids=ids: ids, decode) for ids in (every, every[::-1], every[::3] + every[1::3]))])

    def add_sentencepiece(self, name, path):
        """All texts through a sentencepiece model. The reference has no decoding that keeps special tokens."""
        processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
        decode = lambda ids, skip: processor.decode(ids) if skip else None
        bos = processor.bos_id() >= 0
        every = list(range(processor.vocab_size()))
        self.write(path.name, name, [
            *((text, special, lambda text=text, special=special: processor.encode(text, add_bos=special and bos), decode)
              for text, special in self.texts(True)),
            *((None, False, lambda ids=ids: ids, decode)
              for ids in (every, every[::-1], every[::3] + every[1::3], every[5:9] + every[40:], every[300:]))])

    def add_chunks(self, file, name, tokenizer, text, decode=True):
        """A long text in parts, since the reference takes a hundred times its size in memory."""
        size = 200_000
        self.write(file, name, [
            (part, True, lambda part=part: tokenizer.encode(part).ids,
             lambda ids, skip: tokenizer.decode(ids, skip_special_tokens=skip) if decode else None)
            for part in (text[i:i + size] for i in range(0, len(text), size))])


def train(tokenizer, text, vocab_size=1500, **options):
    """Trains on lines; long lines are cut, so that training without a pre-tokenizer stays quick."""
    lines = [line[i:i + 400] for line in text.splitlines(keepends=True) for i in range(0, len(line), 400)]
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False, **options))
    return tokenizer


def byte_level(text, pre_tokenizer, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    return train(tokenizer, text, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def edited(tokenizer, **changes):
    """The tokenizer with fields of its JSON replaced; model__x sets a field of the model."""
    document = json.loads(tokenizer.to_str())
    for key, value in changes.items():
        if key.startswith("model__"):
            document["model"][key[7:]] = value
        else:
            document[key] = value
    return Tokenizer.from_str(json.dumps(document))


def split_then_bytes(*patterns):
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated", False) for pattern in patterns]
    return pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def add_byte_level_suite(suite, text):
    gpt2 = byte_level(text, pre_tokenizers.ByteLevel(add_prefix_space=False))
    gpt2.add_special_tokens(["<s>", "</s>", "<|im_start|>", "<|im_end|>"])
    suite.add("gpt2", gpt2, with_books=True)

    prefixed = edited(gpt2, pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})
    prefixed.post_processor = processors.RobertaProcessing(("</s>", gpt2.token_to_id("</s>")), ("<s>", gpt2.token_to_id("<s>")))
    suite.add("roberta", prefixed, with_books=True)

    llama3 = byte_level(text, split_then_bytes(LLAMA3), ignore_merges=True)
    llama3.add_special_tokens(["<|im_start|>", "<|im_end|>", "<s>"])
    llama3.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<s> $A <|im_end|>", pair="<s> $A $B", special_tokens=[
            ("<s>", llama3.token_to_id("<s>")), ("<|im_end|>", llama3.token_to_id("<|im_end|>"))])])
    suite.add("llama3", llama3, with_books=True)

    qwen2 = byte_level(text, split_then_bytes(QWEN2))
    qwen2.normalizer = normalizers.NFC()
    qwen2.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    suite.add("qwen2", qwen2, with_books=True)

    suite.add("o200k", byte_level(text, split_then_bytes(O200K)))
    suite.add("deepseek3", byte_level(text, split_then_bytes(r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK3)))
    suite.add("bloom", byte_level(text, split_then_bytes(BLOOM)))
    suite.add("classes", byte_level(text, split_then_bytes(CLASSES)))
    starcoder = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    suite.add("starcoder", byte_level(text, starcoder))
    falcon = pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.Digits(False),
        pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated", False)])
    suite.add("falcon", byte_level(text, falcon))

    clip = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    clip.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    clip.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(CLIP), "removed", True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    clip.decoder = decoders.BPEDecoder("</w>")
    train(clip, text, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<unk>"], end_of_word_suffix="</w>")
    suite.add("clip", clip)


def add_sentencepiece_style_suite(suite, text):
    def base(**model):
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", **model))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
        train(tokenizer, text, special_tokens=special, limit_alphabet=120)
        document = json.loads(tokenizer.to_str())
        document["added_tokens"] = [token for token in document["added_tokens"] if token["id"] < 3]
        return Tokenizer.from_str(json.dumps(document))

    llama_decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    trained = base(byte_fallback=True, fuse_unk=True)

    llama2 = edited(trained, pre_tokenizer=None)
    llama2.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    llama2.decoder = llama_decoder
    llama2.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    suite.add("llama2", llama2, with_books=True)
    legacy = json.loads(llama2.to_str())
    legacy["model"]["merges"] = [" ".join(pair) for pair in legacy["model"]["merges"]]
    suite.add("llama2_string_merges", Tokenizer.from_str(json.dumps(legacy)))

    for scheme in ("always", "first", "never"):
        for split in (True, False):
            metaspace = edited(trained, model__fuse_unk=split)
            metaspace.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
            metaspace.decoder = decoders.Metaspace(prepend_scheme=scheme)
            metaspace.add_special_tokens(["<|im_start|>", "<|im_end|>"])
            suite.add(f"metaspace_{scheme}_{split}", metaspace)

    gemma = edited(trained)
    gemma.normalizer = normalizers.Replace(" ", "▁")
    gemma.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous", False)
    gemma.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    suite.add("gemma", gemma)

    # Some byte tokens are missing: unknown tokens, byte tokens and known characters take turns.
    holes = json.loads(edited(trained, pre_tokenizer=None).to_str())
    for byte in (0xE4, 0xC3, 0xF0, 0x0A):
        del holes["model"]["vocab"][f"<0x{byte:02X}>"]
    for fuse in (True, False):
        holes["model"]["fuse_unk"] = fuse
        suite.add(f"missing_bytes_{fuse}", Tokenizer.from_str(json.dumps(holes)))
    suite.add("no_unknown", edited(trained, model__unk_token=None, model__byte_fallback=False))
    suite.add("unknown_not_fused", edited(trained, model__byte_fallback=False, model__fuse_unk=False))


def add_parts_suite(suite, text):
    """One part at a time: normalizers, pre-tokenizers, split behaviours, added tokens, templates."""
    plain = Tokenizer(models.BPE(unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    train(plain, text, vocab_size=600, special_tokens=["<unk>"])
    bare = edited(plain, pre_tokenizer=None)

    for name, normalizer in {
        "nfc": normalizers.NFC(), "nfd": normalizers.NFD(), "nfkc": normalizers.NFKC(), "nfkd": normalizers.NFKD(),
        "lowercase": normalizers.Lowercase(), "strip": normalizers.Strip(), "lstrip": normalizers.Strip(True, False),
        "rstrip": normalizers.Strip(False, True), "replace": normalizers.Replace("a", "ee"),
        "replace_regex": normalizers.Replace(Regex(r"\s{2,}|[aeiou]"), "_"),
        "accents": normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]),
        "byte_level": normalizers.ByteLevel(),
    }.items():
        # Byte-level words show every character, also those that the model does not know.
        tokenizer = byte_level(text[:20000], pre_tokenizers.ByteLevel(add_prefix_space=False))
        tokenizer.normalizer = normalizer
        tokenizer.add_tokens([AddedToken("Word", normalized=True), AddedToken("É", normalized=True)])
        suite.add(f"normalizer_{name}", tokenizer)

    byte_suffix = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for name, pre_tokenizer in {
        "whitespace": pre_tokenizers.Whitespace(), "whitespace_split": pre_tokenizers.WhitespaceSplit(),
        "bert": pre_tokenizers.BertPreTokenizer(), "digits": pre_tokenizers.Digits(False),
        **{f"punctuation_{b}": pre_tokenizers.Punctuation(b)
           for b in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")},
        **{f"split_{b}_{invert}": pre_tokenizers.Split(Regex(r"[ab ]"), b, invert) for invert in (False, True)
           for b in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")},
        "split_string": pre_tokenizers.Split(".", "merged_with_next", False),
        "split_lookbehind": pre_tokenizers.Split(Regex(r"(?<=[a-m])(?=[n-z])|(?<!\d)\d"), "isolated", False),
        "split_anchors": pre_tokenizers.Split(Regex(r"^.|.$|\Aa|a\z"), "isolated", False),
        "split_atomic": pre_tokenizers.Split(Regex(r"(?>a+)b|a++c|[^a]*+"), "isolated", False),
    }.items():
        # The vocabulary is merged greedily within pieces only, so a wrong cut shows in the ids.
        tokenizer = byte_level(text[:20000], byte_suffix)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizer, byte_suffix])
        suite.add(f"pre_{name}", tokenizer)

    suite.add("plain", plain, with_books=True)
    suite.add("no_pre_tokenizer", bare)
    prefixed = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##"))
    prefixed.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    train(prefixed, text, vocab_size=800, special_tokens=["<unk>"], continuing_subword_prefix="##")
    suite.add("subword_prefix", prefixed)

    added = byte_level(text, pre_tokenizers.ByteLevel(add_prefix_space=False))
    added.normalizer = normalizers.Lowercase()
    added.add_special_tokens(["<s>", "</s>", AddedToken("<mask>", lstrip=True, rstrip=True)])
    added.add_tokens([
        AddedToken("word", single_word=True), AddedToken("WORD", normalized=False), AddedToken("extra"),
        AddedToken("extra  extra"), AddedToken(" e", rstrip=True), AddedToken("<|im_start|>", normalized=False),
        AddedToken("<|im_start|>user", normalized=False), AddedToken("  ", normalized=False, rstrip=True),
        AddedToken("the", single_word=True, lstrip=True), AddedToken("é")])
    added.post_processor = processors.BertProcessing(("</s>", added.token_to_id("</s>")), ("<s>", added.token_to_id("<s>")))
    suite.add("added_tokens", added, with_books=True)

    template = edited(added, normalizer=None)
    template.post_processor = processors.TemplateProcessing(
        single="<s> $A </s> $A <s> <s>", pair="$A $B", special_tokens=[("<s>", added.token_to_id("<s>")), ("</s>", added.token_to_id("</s>"))])
    suite.add("template", template)


def every_character():
    """All assigned and most unassigned characters, each at the beginning, in the middle and at the end of a word."""
    ranges = [(0, 0xD800), (0xE000, 0xE010), (0xF8F0, 0x20010), (0x2A6D0, 0x2A710), (0x2F800, 0x2FA20), (0x30000, 0x30010),
              (0x3134A, 0x31360), (0xE0000, 0xE0200)]
    # The ideographs of one block and the Hangul syllables behave alike; every 16th will do.
    dull = lambda c: (0x3500 <= c <= 0x9F00 or 0xAD00 <= c <= 0xD700 or 0x17100 <= c <= 0x18C00) and c % 16 != 0
    return "\n".join(f"a{chr(c)}1{chr(c)}{chr(c)}. {chr(c)}" for low, high in ranges for c in range(low, high) if not dull(c))


def add_every_character_suite(suite, text):
    characters = every_character()
    pre = {"gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False), "llama3": split_then_bytes(LLAMA3), "o200k": split_then_bytes(O200K),
           "classes": split_then_bytes(CLASSES), "whitespace": pre_tokenizers.Whitespace(), "bert": pre_tokenizers.BertPreTokenizer(),
           "digits": pre_tokenizers.Digits(False)}
    norm = {"nfc": normalizers.NFC(), "nfd": normalizers.NFD(), "nfkc": normalizers.NFKC(), "nfkd": normalizers.NFKD(),
            "lowercase": normalizers.Lowercase(), "accents": normalizers.StripAccents()}
    byte_suffix = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    # Tokens for pairs of bytes, and for a byte with "a", "1", "." around it, make a wrong cut visible.
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [(a, b) for a in alphabet for b in "a1.Ġ"] + [(b, a) for a in alphabet for b in "a1.Ġ"]
    pairs = list(dict.fromkeys(pairs))
    vocab = {token: i for i, token in enumerate(dict.fromkeys(alphabet + [a + b for a, b in pairs]))}
    for name in [*pre, *norm]:
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=pairs))
        tokenizer.decoder = decoders.ByteLevel()
        if name in norm:
            tokenizer.normalizer = norm[name]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre[name], byte_suffix]) if name in (
            "whitespace", "bert", "digits") else pre.get(name, byte_suffix)
        file = f"every_{name}.tokenizer.json"
        tokenizer.save(str(suite.output / file))
        suite.add_chunks(file, f"every_{name}", tokenizer, characters, decode=False)


def add_sentencepiece_suite(suite, text):
    corpus = suite.output / "corpus.txt"
    corpus.write_text("".join(line[i:i + 1000] + "\n" for line in text.replace("\0", "").splitlines() for i in range(0, len(line), 1000)))
    common = {"input": str(corpus), "vocab_size": 2500, "character_coverage": 0.985, "hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1,
              "max_sentence_length": 8000}
    for name, options in {
        "bpe": {"model_type": "bpe"},
        "bpe_llama": {"model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity", "split_digits": True,
                      "remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True, "character_coverage": 0.98},
        "bpe_symbols": {"model_type": "bpe", "user_defined_symbols": ["<sep>", "▁▁", "é", "extra"], "control_symbols": ["<mask>"],
                        "add_dummy_prefix": False, "normalization_rule_name": "nmt_nfkc_cf"},
        "bpe_across_words": {"model_type": "bpe", "split_by_whitespace": False, "byte_fallback": True, "character_coverage": 0.98},
        "bpe_suffix": {"model_type": "bpe", "treat_whitespace_as_suffix": True},
        "unigram": {"model_type": "unigram"},
        "unigram_bytes": {"model_type": "unigram", "byte_fallback": True, "character_coverage": 0.98, "normalization_rule_name": "nfkc"},
        "unigram_symbols": {"model_type": "unigram", "user_defined_symbols": ["<sep>", "▁the", "é", "extra", "ex"],
                            "remove_extra_whitespaces": False, "bos_id": -1, "eos_id": 1, "unk_surface": "?!"},
        "unigram_across_words": {"model_type": "unigram", "split_by_whitespace": False, "add_dummy_prefix": False},
    }.items():
        prefix = suite.output / name
        sentencepiece.SentencePieceTrainer.train(model_prefix=str(prefix), **{**common, **options})
        suite.add_sentencepiece(name, suite.output / f"{name}.model")

    # Pieces made unused: they serve as steps while merging and fall apart at the end.
    for name in ("bpe_llama", "unigram"):
        path = suite.output / f"{name}_unused.model"
        path.write_bytes(with_unused_pieces((suite.output / f"{name}.model").read_bytes()))
        suite.add_sentencepiece(f"{name}_unused", path)


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def write_varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def with_unused_pieces(model):
    """The model with every third piece from number 300 on marked unused: field 3 = 5, which overrides an earlier one."""
    out, at, number = b"", 0, 0
    while at < len(model):
        tag, start = read_varint(model, at)
        assert tag & 7 == 2, "all fields of a model are messages"
        length, start = read_varint(model, start)
        content = model[start:start + length]
        at = start + length
        if tag >> 3 == 1:
            number += 1
            if number > 300 and number % 3 == 0:
                content += b"\x18\x05"
        out += write_varint(tag) + write_varint(len(content)) + content
    return out


def main():
    torture_path, shared, output = (Path(argument) for argument in sys.argv[1:4])
    only = set(sys.argv[4:])
    torture = torture_path.read_bytes().decode()
    books_path = shared / "data/books.valid.txt"
    books = books_path.read_bytes().decode()[:120000] if books_path.exists() else torture
    suite = Suite(output, torture, books)
    parts = {"bytes": add_byte_level_suite, "sentencepiece_style": add_sentencepiece_style_suite, "parts": add_parts_suite,
             "every": add_every_character_suite, "sentencepiece": add_sentencepiece_suite}
    for name, add in parts.items():
        if not only or name in only:
            add(suite, books + torture)
    if (not only or "shared" in only) and books_path.exists():
        tokenizer = shared / "models/tiny-llama/tokenizer.json"
        reference = Tokenizer.from_file(str(tokenizer))
        suite.add_chunks(tokenizer, "shared.torture", reference, torture)
        for text_path in (*sorted((shared / "data").glob("*.txt")), *sorted((shared / "data").glob("*.raw"))):
            suite.add_chunks(tokenizer, f"shared.{text_path.stem}", reference, text_path.read_bytes().decode())
    (output / "manifest.tsv").write_text("\n".join(suite.rows) + "\n")
    print(f"{len(suite.rows)} tokenizers; the reference panics on {len(suite.skipped)}: {' '.join(suite.skipped)}")


main()
