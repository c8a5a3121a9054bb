// Small honest tokenizer files, whole or with one part exchanged: what the tests of damage begin with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna::test {

// The parts of a tokenizer.json, as JSON.
struct SmallTokenizerJson {
  std::string vocab = R"({"<unk>":0,"a":1,"b":2,"ab":3,"!":4,"<0x61>":5,"aa":6})";
  std::string merges = R"(["a b","a a"])";
  std::string model_fields = R"("unk_token":"<unk>")";
  std::string added_tokens = "[" + added_token(7, "<s>") + "]";
  std::string normalizer = R"({"type":"NFC"})";
  std::string pre_tokenizer =
      R"({"type":"Split","pattern":{"Regex":"\\s+|\\S+"},"behavior":"Isolated","invert":false})";
  std::string post_processor = template_of(
      "[{\"SpecialToken\":{\"id\":\"<s>\",\"type_id\":0}},"
      "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}]",
      "[7]");
  std::string decoder = R"({"type":"Fuse"})";

  static std::string added_token(int id, const std::string& content, bool normalized = false) {
    return R"({"id":)" + std::to_string(id) + R"(,"content":")" + content +
           R"(","single_word":false,"lstrip":false,"rstrip":false,"normalized":)" + (normalized ? "true" : "false") +
           R"(,"special":true})";
  }
  static std::string template_of(const std::string& single, const std::string& ids) {
    return R"({"type":"TemplateProcessing","single":)" + single +
           R"(,"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":)" + ids + R"(,"tokens":["<s>"]}}})";
  }
  std::string text() const {
    return R"({"version":"1.0","added_tokens":)" + added_tokens + R"(,"normalizer":)" + normalizer +
           R"(,"pre_tokenizer":)" + pre_tokenizer + R"(,"post_processor":)" + post_processor + R"(,"decoder":)" +
           decoder + R"(,"model":{"type":"BPE",)" + model_fields + R"(,"vocab":)" + vocab + R"(,"merges":)" + merges +
           "}}";
  }
};

// A message of the protobuf wire format, field after field.
class ProtobufBytes {
 public:
  ProtobufBytes& varint(std::uint32_t field, std::uint64_t value) {
    append_varint(std::uint64_t{field} << 3U);
    append_varint(value);
    return *this;
  }
  ProtobufBytes& float32(std::uint32_t field, float value) {
    append_varint(std::uint64_t{field} << 3U | 5U);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  ProtobufBytes& text(std::uint32_t field, std::string_view value) {
    append_varint(std::uint64_t{field} << 3U | 2U);
    append_varint(value.size());
    bytes_.append(value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void append_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_ += static_cast<char>(value | 0x80U);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

// Numbers of sentencepiece_model.proto.
inline std::string sentencepiece_piece(std::string_view text, float score, std::uint64_t type) {
  return ProtobufBytes().text(1, text).float32(2, score).varint(3, type).bytes();
}

// A whole model: the pieces given as messages, then trainer and normalizer settings.
inline std::string sentencepiece_model(const std::vector<std::string>& pieces, const std::string& trainer,
                                       const std::string& normalizer = "") {
  ProtobufBytes model;
  for (const auto& piece : pieces) model.text(1, piece);
  return model.text(2, trainer).text(3, normalizer).bytes();
}

// <unk>, <s>, </s>, the 256 byte pieces and a few texts; kind 1 is unigram, 2 BPE.
inline std::vector<std::string> small_pieces() {
  std::vector<std::string> pieces = {sentencepiece_piece("<unk>", 0, 2), sentencepiece_piece("<s>", 0, 3),
                                     sentencepiece_piece("</s>", 0, 3)};
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (unsigned byte = 0; byte < 256; ++byte) {
    pieces.push_back(sentencepiece_piece(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", 0, 6));
  }
  for (const std::string_view text : {"\xE2\x96\x81", "a", "b", "ab",
                                      "\xE2\x96\x81"
                                      "ab"}) {
    pieces.push_back(sentencepiece_piece(text, -static_cast<float>(pieces.size()), 1));
  }
  return pieces;
}
inline std::string small_trainer(std::uint64_t kind) { return ProtobufBytes().varint(3, kind).varint(35, 1).bytes(); }
inline std::string small_sentencepiece(std::uint64_t kind) {
  return sentencepiece_model(small_pieces(), small_trainer(kind));
}

}  // namespace lacuna::test
