// What a tokenizer.model file says: pieces with scores, and how text is normalized.
//
// Checked   everything the reference checks when it loads a model, and also: scores are numbers, texts are UTF-8 and
//           pieces at most 1,024 bytes long, so that what works on the model need not check again.
// Errors    Error{bad_tokenizer}, unsupported_tokenizer (word and character models, denormalizers).
// Source    sentencepiece_model.proto of SentencePiece 0.2
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer/vocabulary.hpp"

namespace lacuna {

enum class PieceType : std::uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct SentencePieceModel {
  enum class Kind { unigram = 1, bpe = 2 };

  struct Piece {
    float score;
    PieceType type;
  };

  Kind kind = Kind::unigram;
  Vocabulary vocabulary{0};  // text of each piece; its id is its place in `pieces`
  std::vector<Piece> pieces;
  std::int32_t unknown_id = Vocabulary::kAbsent;
  std::array<std::int32_t, 256> byte_ids{};  // when byte_fallback
  bool byte_fallback = false;

  std::string unknown_surface = " \xE2\x81\x87 ";
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";

  std::string character_map;  // compiled normalization rules
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool whitespace_as_suffix = false;

  const Piece& piece(std::int32_t id) const { return pieces[static_cast<std::size_t>(id)]; }
  // A piece that text can become: not a control, unknown or byte piece.
  bool is_text(std::int32_t id) const {
    const auto type = piece(id).type;
    return type == PieceType::normal || type == PieceType::user_defined || type == PieceType::unused;
  }
  // The id of a control piece with this text, or kAbsent.
  std::int32_t control_id(std::string_view text) const {
    const auto id = vocabulary.find(text);
    return id != Vocabulary::kAbsent && piece(id).type == PieceType::control ? id : Vocabulary::kAbsent;
  }
};

SentencePieceModel read_sentencepiece_model(std::string_view content);

}  // namespace lacuna
