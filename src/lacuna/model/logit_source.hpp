// What a generation draws its tokens from: a model that is fed one sequence and remembers it.
//
//   source.start(capacity);                       // forgets; room for so many positions
//   auto logits = source.advance(tokens, context) // of the token after the last one fed; valid until the next call
//
// Threads  one call at a time per object.
// Errors   out_of_memory; advance: bad_token, interrupted.
#pragma once

#include <cstdint>
#include <span>

#include "lacuna/core/run_context.hpp"
#include "lacuna/model/config.hpp"

namespace lacuna {

class LogitSource {
 public:
  virtual ~LogitSource() = default;
  virtual const DecoderConfig& config() const = 0;
  virtual void start(std::int64_t capacity) = 0;
  virtual std::span<const float> advance(std::span<const std::int32_t> tokens, const RunContext& context) = 0;
};

}  // namespace lacuna
