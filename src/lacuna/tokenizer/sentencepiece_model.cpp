#include "lacuna/tokenizer/sentencepiece_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/byte_token.hpp"
#include "lacuna/tokenizer/protobuf_reader.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {
namespace {

constexpr std::size_t kMaxPieceBytes = 1024;  // bounds the work per byte of text; trainers stop at 16 characters

struct RawPiece {
  std::string_view text;
  float score = 0;
  std::uint64_t type = 1;
};

// Numbers of fields and kinds, from sentencepiece_model.proto.
namespace model_field {
constexpr std::uint32_t kPieces = 1, kTrainerSpec = 2, kNormalizerSpec = 3, kDenormalizerSpec = 5;
}
namespace piece_field {
constexpr std::uint32_t kText = 1, kScore = 2, kType = 3;
}
namespace trainer_field {
constexpr std::uint32_t kModelType = 3, kWhitespaceAsSuffix = 24, kByteFallback = 35, kUnknownSurface = 44, kBos = 46,
                        kEos = 47;
}
namespace normalizer_field {
constexpr std::uint32_t kCharacterMap = 2, kAddDummyPrefix = 3, kRemoveExtraWhitespaces = 4, kEscapeWhitespaces = 5;
}

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::bad_tokenizer, what); }

void read_bool(const ProtobufReader& reader, bool& value) {
  std::uint64_t number = 0;
  if (reader.number(number)) value = number != 0;
}

// An empty text means the default, as in the reference.
void read_text(const ProtobufReader& reader, std::string& value) {
  std::string_view text;
  if (!reader.text(text)) return;
  if (find_invalid_utf8(text)) fail("a text of the trainer settings is not UTF-8");
  if (!text.empty()) value = text;
}

RawPiece read_piece(ProtobufReader reader) {
  RawPiece piece;
  while (reader.next()) {
    switch (reader.field()) {
      case piece_field::kText: reader.text(piece.text); break;
      case piece_field::kScore: reader.float32(piece.score); break;
      case piece_field::kType: {
        std::uint64_t type = 0;
        // A type that this version does not know counts as not given.
        if (reader.number(type) && type >= 1 && type <= 6) piece.type = type;
        break;
      }
      default: break;
    }
  }
  return piece;
}

void read_trainer_spec(ProtobufReader reader, SentencePieceModel& model) {
  std::uint64_t kind = static_cast<std::uint64_t>(model.kind);
  while (reader.next()) {
    switch (reader.field()) {
      case trainer_field::kModelType: reader.number(kind); break;
      case trainer_field::kWhitespaceAsSuffix: read_bool(reader, model.whitespace_as_suffix); break;
      case trainer_field::kByteFallback: read_bool(reader, model.byte_fallback); break;
      case trainer_field::kUnknownSurface: read_text(reader, model.unknown_surface); break;
      case trainer_field::kBos: read_text(reader, model.bos_piece); break;
      case trainer_field::kEos: read_text(reader, model.eos_piece); break;
      default: break;
    }
  }
  if (kind == 3 || kind == 4) {
    throw Error(ErrorCode::unsupported_tokenizer,
                fmt::format("SentencePiece model type {} is not supported; supported: UNIGRAM, BPE",
                            kind == 3 ? "WORD" : "CHAR"));
  }
  model.kind = kind == 2 ? SentencePieceModel::Kind::bpe : SentencePieceModel::Kind::unigram;
}

void read_normalizer_spec(ProtobufReader reader, SentencePieceModel& model) {
  while (reader.next()) {
    std::string_view map;
    switch (reader.field()) {
      case normalizer_field::kCharacterMap:
        if (reader.text(map)) model.character_map = map;
        break;
      case normalizer_field::kAddDummyPrefix: read_bool(reader, model.add_dummy_prefix); break;
      case normalizer_field::kRemoveExtraWhitespaces: read_bool(reader, model.remove_extra_whitespaces); break;
      case normalizer_field::kEscapeWhitespaces: read_bool(reader, model.escape_whitespaces); break;
      default: break;
    }
  }
}

void refuse_denormalizer(ProtobufReader reader) {
  while (reader.next()) {
    std::string_view map;
    if (reader.field() == normalizer_field::kCharacterMap && reader.text(map) && !map.empty()) {
      throw Error(ErrorCode::unsupported_tokenizer, "SentencePiece models with a denormalizer are not supported");
    }
  }
}

void add_piece(const RawPiece& raw, SentencePieceModel& model) {
  const auto id = static_cast<std::int32_t>(model.pieces.size());
  if (raw.text.empty()) fail(fmt::format("piece {} is empty", id));
  if (raw.text.size() > kMaxPieceBytes) {
    fail(fmt::format("piece {} has {} bytes, expected at most {}", id, raw.text.size(), kMaxPieceBytes));
  }
  if (find_invalid_utf8(raw.text)) fail(fmt::format("piece {} is not UTF-8", id));
  // The reference writes a lone zero byte into vocabularies it pads; any other one ends its texts early.
  if (raw.text.find('\0') != std::string_view::npos && !(raw.text.size() == 1 && raw.type == 5)) {
    fail(fmt::format("piece {} holds a zero byte", id));
  }
  if (std::isnan(raw.score)) fail(fmt::format("the score of piece \"{}\" is not a number", raw.text));
  const auto type = static_cast<PieceType>(raw.type);
  model.vocabulary.add(raw.text, static_cast<std::uint64_t>(id));
  model.pieces.push_back({raw.score, type});
  if (type == PieceType::unknown) {
    if (model.unknown_id != Vocabulary::kAbsent) fail("two pieces are of the type unknown");
    model.unknown_id = id;
  }
  if (type == PieceType::byte) {
    const auto byte = parse_byte_token(raw.text);
    const bool canonical = byte && raw.text == fmt::format("<0x{:02X}>", *byte);
    if (!canonical) fail(fmt::format("byte piece \"{}\", expected <0x00> to <0xFF>", raw.text));
    model.byte_ids[*byte] = id;
  }
}

void check_bytes(const SentencePieceModel& model) {
  const auto has_bytes = std::count_if(model.pieces.begin(), model.pieces.end(),
                                       [](const auto& piece) { return piece.type == PieceType::byte; });
  if (!model.byte_fallback && has_bytes > 0) fail("byte pieces without byte_fallback");
  if (model.byte_fallback && has_bytes != 256)
    fail(fmt::format("byte_fallback with {} byte pieces, not 256", has_bytes));
}

}  // namespace

SentencePieceModel read_sentencepiece_model(std::string_view content) {
  SentencePieceModel model;
  std::vector<RawPiece> raw_pieces;
  ProtobufReader reader(content);
  while (reader.next()) {
    if (!reader.is_text()) continue;
    switch (reader.field()) {
      case model_field::kPieces: raw_pieces.push_back(read_piece(reader.message())); break;
      case model_field::kTrainerSpec: read_trainer_spec(reader.message(), model); break;
      case model_field::kNormalizerSpec: read_normalizer_spec(reader.message(), model); break;
      case model_field::kDenormalizerSpec: refuse_denormalizer(reader.message()); break;
      default: break;
    }
  }
  if (raw_pieces.empty()) fail("not a SentencePiece model: it holds no pieces");
  model.vocabulary = Vocabulary(raw_pieces.size());
  model.pieces.reserve(raw_pieces.size());
  for (const auto& raw : raw_pieces) add_piece(raw, model);
  if (model.unknown_id == Vocabulary::kAbsent) fail("no piece is of the type unknown");
  check_bytes(model);
  return model;
}

}  // namespace lacuna
