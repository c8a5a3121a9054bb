// `lacuna generate`: text from a model.
#include <fmt/format.h>

#include <chrono>
#include <map>

#include "commands.hpp"
#include "device_argument.hpp"
#include "generation_source.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/model/perplexity.hpp"
#include "lacuna/study/analyses/activation_file.hpp"
#include "lacuna/study/analyses/sparse_evaluation.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"

namespace lacuna::cli {
namespace {

struct GenerateCommand {
  std::string model;
  std::string prompt;
  std::string compute = "f32";
  std::string device = "cpu";
  std::string profile;
  std::string against;
  double activation_sparsity = 0.0;
  bool no_tuning = false;
  GenerateOptions options;
};

using Clock = std::chrono::steady_clock;
double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// The share that each linear's threshold takes as 0: the target's, or the allocation's.
SparsityOf sparsity_of(const ActivationProfile& profile, double target) {
  std::map<std::pair<std::int64_t, std::string>, double> allocated;
  for (const auto& linear : profile.allocations) {
    for (const auto& t : linear.targets) {
      if (t.target == target) allocated[{linear.layer, linear.component}] = t.sparsity;
    }
  }
  return [target, allocated](std::int64_t layer, const std::string& component) {
    const auto found = allocated.find({layer, component});
    return found == allocated.end() ? target : found->second;
  };
}

// Sets the request's thresholds; none: every input is read.
void set_thresholds(const Session& session, GenerateCommand& command, const DecoderConfig& config,
                    std::span<const std::int32_t> prompt, SourceRequest& request) {
  ActivationProfile profile;
  double& sparsity = command.activation_sparsity;
  if (!command.profile.empty()) {
    profile = read_activation_profile(command.profile);
    require_profile_of(profile, config);
    if (sparsity == 0.0 && profile.targets.size() == 1) sparsity = profile.targets[0];
    if (sparsity == 0.0) {
      throw Error(ErrorCode::missing_argument,
                  "--profile: expected --activation-sparsity S, one of the profile's targets");
    }
  } else {
    if (sparsity == 0.0) return;
    session.note("thresholds from the prompt and what the dense model says after it; --profile FILE takes others");
    profile = calibrate_on_prompt(command.model, prompt, sparsity, parse_compute(command.compute), session.context());
    session.finish_progress();
  }
  const auto rule = profile.allocations.empty() ? ThresholdRule::quantile : ThresholdRule::greedy;
  request.thresholds = profile_thresholds(profile, sparsity, rule);
  request.sparsity_of = sparsity_of(profile, sparsity);
}

// How far the model, as it generated, is from the dense one on the prompt and the new tokens.
std::optional<Divergence> divergence_from(const Session& session, const GenerateCommand& command,
                                          const Decoder& decoder, const std::vector<InputThreshold>& thresholds,
                                          std::vector<std::int32_t> tokens, std::span<const std::int32_t> produced) {
  tokens.insert(tokens.end(), produced.begin(), produced.end());
  if (command.against.empty() || tokens.size() < 2) return std::nullopt;
  const Decoder dense = Decoder::open(Checkpoint::open(command.against));
  PerplexityOptions options;
  options.seqlen = std::ssize(tokens);
  options.compute = parse_compute(command.compute);
  options.thresholds = thresholds;
  const auto result = measure_divergence(decoder, dense, tokens, options, session.context());
  session.finish_progress();
  return result.divergence;
}

struct Speeds {
  double read_seconds = 0.0;       // opening and checking the files
  double threshold_seconds = 0.0;  // finding thresholds
  double convert_seconds = 0.0;    // weights into the form that products read, and to the device
  double prompt_seconds = 0.0;     // until the first new token
  double seconds = 0.0;
  std::size_t prompt_tokens = 0;
  std::size_t tokens = 0;

  double load_seconds() const { return read_seconds + threshold_seconds + convert_seconds; }
  double prompt_speed() const { return static_cast<double>(prompt_tokens) / prompt_seconds; }
  // Of the tokens after the first, which comes of the prompt.
  double speed() const { return tokens < 2 ? 0.0 : static_cast<double>(tokens - 1) / (seconds - prompt_seconds); }
};

std::string load_text(const Speeds& speeds, const Conversion& converted) {
  std::string text = fmt::format("loaded in {:.2f} s (read {:.2f}", speeds.load_seconds(), speeds.read_seconds);
  if (speeds.threshold_seconds > 0.0) text += fmt::format(", thresholds {:.2f}", speeds.threshold_seconds);
  if (converted.bytes > 0) {
    text += fmt::format(", convert {:.2f}: {} at {:.2f} GB/s", speeds.convert_seconds, human_bytes(converted.bytes),
                        1e-9 * static_cast<double>(converted.bytes) / speeds.convert_seconds);
  }
  return text + ")";
}

void report_generation(const Session& session, const GenerateCommand& command, const Speeds& speeds,
                       const Conversion& converted, const std::optional<Divergence>& divergence) {
  session.note(fmt::format("{}; {} prompt tokens at {:.1f} tokens/s, {} new ones at {:.1f} tokens/s, seed {}",
                           load_text(speeds, converted), speeds.prompt_tokens, speeds.prompt_speed(), speeds.tokens,
                           speeds.speed(), command.options.seed));
  if (divergence) {
    session.note(fmt::format("against {}: KL {:.6f} nats per token, {:.2f} % the same most likely token",
                             command.against, divergence->kl_mean, 100.0 * divergence->top1_agreement));
  } else if (command.activation_sparsity > 0.0) {
    session.note(
        "inputs were left out: --against MODEL tells how far the text's predictions are from the dense model's");
  }
}

Json generation_json(const GenerateCommand& command, const Speeds& speeds, const OpenedSource& opened,
                     const std::optional<Divergence>& divergence) {
  return {{"seed", command.options.seed},
          {"device", command.device},
          {"activation_sparsity", command.activation_sparsity},
          {"load_seconds", speeds.load_seconds()},
          {"read_seconds", speeds.read_seconds},
          {"threshold_seconds", speeds.threshold_seconds},
          {"convert_seconds", speeds.convert_seconds},
          {"converted_bytes", opened.converted.bytes},
          {"tuned_expanded", opened.tuning.expanded},
          {"tuned_read_whole", opened.tuning.read_whole},
          {"tuned_launches", opened.tuning.configured},
          {"elapsed_seconds", speeds.seconds},
          {"prompt_tokens_per_second", speeds.prompt_speed()},
          {"tokens_per_second", speeds.speed()},
          {"kl_mean", divergence ? Json(divergence->kl_mean) : Json(nullptr)},
          {"top1_agreement", divergence ? Json(divergence->top1_agreement) : Json(nullptr)}};
}

// New tokens, shown as they come.
std::vector<std::int32_t> generate_shown(const Session& session, const GenerateCommand& command,
                                         const Tokenizer& tokenizer, std::span<const std::int32_t> prompt,
                                         LogitSource& source, Speeds& speeds) {
  StreamDecoder stream = tokenizer.stream_decoder();
  const auto show = [&](const std::string& text) {
    if (session.json()) return;
    fmt::print("{}", text);
    std::fflush(stdout);
  };
  show(command.prompt);
  speeds.prompt_tokens = std::max<std::size_t>(prompt.size(), 1);
  const auto started = Clock::now();
  const auto on_token = [&](std::int32_t token) {
    if (speeds.tokens++ == 0) speeds.prompt_seconds = seconds_between(started, Clock::now());
    show(stream.push(token));
    return true;
  };
  try {
    auto tokens = generate_tokens(source, prompt, command.options, on_token, session.context());
    speeds.seconds = seconds_between(started, Clock::now());
    show(stream.finish() + "\n");
    return tokens;
  } catch (...) {
    show("\n");  // what is told next begins a line
    throw;
  }
}

void run_generate(const Session& session, GenerateCommand command) {
  if (command.device == "cuda") require_cuda();  // told before any work
  Speeds speeds;
  auto lap = [from = Clock::now()](double& seconds) mutable {
    const auto to = Clock::now();
    seconds = seconds_between(from, to);
    from = to;
  };
  const Decoder decoder = Decoder::open(Checkpoint::open(command.model));
  const Tokenizer tokenizer = Tokenizer::open(decoder.checkpoint().folder());
  const auto prompt = command.prompt.empty() ? std::vector<std::int32_t>{} : tokenizer.encode(command.prompt);
  lap(speeds.read_seconds);
  SourceRequest request = {command.device, parse_compute(command.compute), {}, {}, !command.no_tuning};
  set_thresholds(session, command, decoder.config(), prompt, request);
  lap(speeds.threshold_seconds);
  if (request.thresholds.empty()) speeds.threshold_seconds = 0.0;
  const OpenedSource opened = open_source(decoder, request, session);
  lap(speeds.convert_seconds);
  const auto tokens = generate_shown(session, command, tokenizer, prompt, *opened.source, speeds);
  const auto divergence = divergence_from(session, command, decoder, request.thresholds, prompt, tokens);
  report_generation(session, command, speeds, opened.converted, divergence);
  Json json = {
      {"prompt", command.prompt}, {"text", tokenizer.decode(tokens)}, {"prompt_tokens", prompt}, {"tokens", tokens}};
  json.update(generation_json(command, speeds, opened, divergence));
  session.print_json(json);
}

}  // namespace

void add_generate(Application& app) {
  auto& command = app.command("Look", "generate", "Generate text from a model");
  auto options = std::make_shared<GenerateCommand>();
  command.add_option("model", options->model, "model folder or hub id, dense or packed")
      ->required()
      ->type_name("MODEL");
  command.add_option("-p,--prompt", options->prompt, "text to go on from (default: the beginning-of-text token)")
      ->type_name("TEXT");
  command.add_option("-n,--tokens", options->options.max_new_tokens, "new tokens at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 24));
  command.add_option("--seed", options->options.seed, "of the sampling")->capture_default_str();
  command.add_option("--temperature", options->options.sampling.temperature, "0 takes the most likely token")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command.add_option("--top-k", options->options.sampling.top_k, "only the k most likely tokens (0: all)")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--top-p", options->options.sampling.top_p, "only the most likely tokens that reach this probability")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--compute", options->compute, "f32 or bf16, on the processor")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  command
      .add_option("--activation-sparsity", options->activation_sparsity,
                  "take this share of every linear's inputs, the smallest, as 0; their weights are not read")
      ->type_name("S")
      ->check(CLI::Range(0.0, 0.999));
  command.add_option("--profile", options->profile, "thresholds of `lacuna activations` (default: from the prompt)")
      ->type_name("FILE");
  command.add_option("--against", options->against, "dense model: also how far the text's predictions are from its")
      ->type_name("MODEL");
  add_device_option(command, options->device);
  command.add_flag("--no-tuning", options->no_tuning, "take nothing from what `lacuna tune` has found out");
  command.footer(
      "Packed models (`lacuna pack`) are multiplied as they are: the same tokens, though sums over matrices with\n"
      "80 % zeros or more may differ in their last bits. Where `lacuna tune` or `lacuna advise` found dense faster\n"
      "here, they are expanded; nothing is measured by this command. On CUDA, f32 weights become bf16.\n"
      "Example: lacuna generate examples/tiny-llama --prompt \"Once upon a time\" --seed 1\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_generate(session, *options); });
}

}  // namespace lacuna::cli
