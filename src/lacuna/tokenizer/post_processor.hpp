// Post-processors of tokenizer.json: the special tokens around a text.
//
// Supported  TemplateProcessing (its "single" template), Sequence, BertProcessing, RobertaProcessing; ByteLevel, which
//            changes offsets only. Others are Error{unsupported_tokenizer}, by name.
// Threads    const functions are safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/tokenizer/json_node.hpp"

namespace lacuna {

class PostProcessor {
 public:
  PostProcessor() = default;  // changes nothing
  // Ids in the file must lie below `id_end`: Error{bad_tokenizer}.
  static PostProcessor load(const JsonNode& node, std::size_t id_end);
  static PostProcessor around(std::vector<std::int32_t> before, std::vector<std::int32_t> after);

  std::vector<std::int32_t> apply(std::vector<std::int32_t> ids, bool add_special_tokens) const;

 private:
  struct TemplatePart {
    bool is_text = false;           // the text itself
    std::vector<std::int32_t> ids;  // else: these tokens
  };
  using Template = std::vector<TemplatePart>;
  static Template load_template(const JsonNode& node, std::size_t id_end);

  std::vector<Template> templates_;  // applied one after another
};

}  // namespace lacuna
