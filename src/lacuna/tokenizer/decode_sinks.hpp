// The steps of a decoder at work: each takes tokens in chunks and hands what it makes of them to the next.
//
// Threads  a sink belongs to one stream; it must not outlive the options it is made with nor the next sink.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "lacuna/core/error.hpp"
#include "lacuna/tokenizer/byte_alphabet.hpp"
#include "lacuna/tokenizer/byte_token.hpp"
#include "lacuna/tokenizer/decoder.hpp"
#include "lacuna/tokenizer/text_pattern.hpp"
#include "lacuna/tokenizer/utf8.hpp"

namespace lacuna {

// Bounds what a replacement can make of one token.
inline constexpr std::size_t kMaxTokenGrowth = 8;
inline constexpr std::size_t kFreeTokenGrowth = 1024;

// For steps that need a token as a whole.
class WholeTokenSink : public DecodeSink {
 public:
  explicit WholeTokenSink(DecodeSink& next) : next_(next) {}
  void chunk(std::string_view text, bool ends_token) override {
    if (ends_token && pending_.empty()) {
      token(text);
      return;
    }
    pending_ += text;
    if (!ends_token) return;
    const std::string whole = std::move(pending_);
    pending_.clear();
    token(whole);
  }
  void finish() override {
    last();
    next_.finish();
  }

 protected:
  virtual void token(std::string_view text) = 0;
  virtual void last() {}
  DecodeSink& next_;

 private:
  std::string pending_;
};

class ReplaceSink : public WholeTokenSink {
 public:
  ReplaceSink(DecodeSink& next, const TextPattern& pattern, const std::string& content)
      : WholeTokenSink(next), search_(pattern), content_(content) {}

 private:
  void token(std::string_view text) override {
    std::string replaced;
    search_.for_each_stretch(text, [&](const Stretch& stretch) {
      replaced +=
          stretch.is_match ? std::string_view(content_) : text.substr(stretch.begin, stretch.end - stretch.begin);
      if (replaced.size() > kMaxTokenGrowth * text.size() + kFreeTokenGrowth) {
        throw Error(ErrorCode::limit_exceeded, fmt::format("decoding makes more than {} bytes of a token of {}",
                                                           kMaxTokenGrowth * text.size(), text.size()));
      }
    });
    next_.chunk(replaced, true);
  }

  TextPattern::Search search_;
  const std::string& content_;
};

// Runs of <0xHH> tokens become the bytes they spell when those are UTF-8, else one U+FFFD each.
class ByteFallbackSink : public WholeTokenSink {
 public:
  using WholeTokenSink::WholeTokenSink;

 private:
  void token(std::string_view text) override {
    if (const auto byte = parse_byte_token(text)) {
      run_.push_back(static_cast<char>(*byte));
      return;
    }
    last();
    next_.chunk(text, true);
  }
  void last() override {
    if (run_.empty()) return;
    if (!find_invalid_utf8(run_)) {
      next_.chunk(run_, true);
    } else {
      for (std::size_t i = 0; i < run_.size(); ++i) next_.chunk("\xEF\xBF\xBD", true);
    }
    run_.clear();
  }

  std::string run_;
};

class FuseSink : public DecodeSink {
 public:
  explicit FuseSink(DecodeSink& next) : next_(next) {}
  void chunk(std::string_view text, bool) override { next_.chunk(text, false); }
  void finish() override {
    next_.chunk("", true);
    next_.finish();
  }

 private:
  DecodeSink& next_;
};

class ByteLevelSink : public WholeTokenSink {
 public:
  using WholeTokenSink::WholeTokenSink;

 private:
  void token(std::string_view text) override {
    const auto bytes = bytes_of_characters(text);
    bytes_ += bytes ? std::string_view(*bytes) : text;
    emit(complete_utf8_prefix(bytes_));
  }
  void last() override {
    emit(bytes_.size());
    next_.chunk("", true);
  }
  void emit(std::size_t n_bytes) {
    std::string text;
    append_utf8_lossy(text, std::string_view(bytes_).substr(0, n_bytes));
    bytes_.erase(0, n_bytes);
    next_.chunk(text, false);
  }

  std::string bytes_;
};

// Takes up to `n_left` and `n_right` copies of a character from the ends of every token.
class StripSink : public DecodeSink {
 public:
  StripSink(DecodeSink& next, const std::string& character, std::uint64_t n_left, std::uint64_t n_right)
      : next_(next), character_(character), n_left_(n_left), n_right_(n_right), left_to_strip_(n_left) {}

  void chunk(std::string_view text, bool ends_token) override {
    std::string kept;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = utf8_length(text[at]);
      take(text.substr(at, length), kept);
      at += length;
    }
    if (ends_token) {
      held_ = 0;
      left_to_strip_ = n_left_;
    }
    next_.chunk(kept, ends_token);
  }
  void finish() override { next_.finish(); }

 private:
  void take(std::string_view c, std::string& kept) {
    if (c == character_ && left_to_strip_ > 0) {
      --left_to_strip_;
      return;
    }
    left_to_strip_ = 0;
    if (c == character_) {  // held back: it may be the end
      held_ < n_right_ ? static_cast<void>(++held_) : static_cast<void>(kept += c);
      return;
    }
    for (; held_ > 0; --held_) kept += character_;
    kept += c;
  }

  DecodeSink& next_;
  const std::string& character_;
  std::uint64_t n_left_;
  std::uint64_t n_right_;
  std::uint64_t left_to_strip_;
  std::uint64_t held_ = 0;
};

class MetaspaceSink : public DecodeSink {
 public:
  MetaspaceSink(DecodeSink& next, const std::string& replacement, bool drop_in_first)
      : next_(next), replacement_(replacement), dropping_(drop_in_first) {}

  void chunk(std::string_view text, bool ends_token) override {
    std::string plain;
    for (std::size_t at = 0; at < text.size();) {
      const auto c = text.substr(at, utf8_length(text[at]));
      if (c != replacement_) {
        plain += c;
      } else if (!dropping_) {
        plain += ' ';
      }
      at += c.size();
    }
    if (ends_token) dropping_ = false;
    next_.chunk(plain, ends_token);
  }
  void finish() override { next_.finish(); }

 private:
  DecodeSink& next_;
  const std::string& replacement_;
  bool dropping_;
};

// The suffix that marks the end of a word becomes a space, at the very end nothing.
class BpeSink : public WholeTokenSink {
 public:
  BpeSink(DecodeSink& next, const TextPattern& suffix) : WholeTokenSink(next), suffix_(suffix) {}

 private:
  void token(std::string_view text) override {
    if (has_held_) emit(" ");
    held_ = text;
    has_held_ = true;
  }
  void last() override {
    if (has_held_) emit("");
    has_held_ = false;
  }
  void emit(std::string_view replacement) {
    std::string text;
    TextPattern::Search(suffix_).for_each_stretch(held_, [&](const Stretch& stretch) {
      text +=
          stretch.is_match ? replacement : std::string_view(held_).substr(stretch.begin, stretch.end - stretch.begin);
    });
    next_.chunk(text, true);
  }

  const TextPattern& suffix_;
  std::string held_;
  bool has_held_ = false;
};

class JoinBySpaceSink : public WholeTokenSink {
 public:
  using WholeTokenSink::WholeTokenSink;

 private:
  void token(std::string_view text) override {
    next_.chunk(first_ ? std::string(text) : fmt::format(" {}", text), true);
    first_ = false;
  }
  bool first_ = true;
};

}  // namespace lacuna
