// `lacuna generate`: text from a model.
#include <fmt/format.h>

#include <chrono>

#include "commands.hpp"
#include "device_argument.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/model/generate.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"

namespace lacuna::cli {
namespace {

struct GenerateCommand {
  std::string model;
  std::string prompt;
  std::string compute = "f32";
  std::string device = "cpu";
  GenerateOptions options;
};

std::unique_ptr<LogitSource> open_source(const Session& session, const GenerateCommand& command,
                                         const Decoder& decoder) {
  if (command.device == "cuda") return open_on_cuda(decoder, {}, session);
  return std::make_unique<Generator>(decoder, parse_compute(command.compute));
}

void run_generate(const Session& session, const GenerateCommand& command) {
  const Decoder decoder = Decoder::open(Checkpoint::open(command.model));
  const Tokenizer tokenizer = Tokenizer::open(decoder.checkpoint().folder());
  const auto prompt = command.prompt.empty() ? std::vector<std::int32_t>{} : tokenizer.encode(command.prompt);
  const auto source = open_source(session, command, decoder);
  StreamDecoder stream = tokenizer.stream_decoder();
  const auto show = [&](const std::string& text) {
    if (session.json()) return;
    fmt::print("{}", text);
    std::fflush(stdout);
  };
  show(command.prompt);
  const auto started = std::chrono::steady_clock::now();
  const auto on_token = [&](std::int32_t token) {
    show(stream.push(token));
    return true;
  };
  const auto tokens = generate_tokens(*source, prompt, command.options, on_token, session.context());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  show(stream.finish() + "\n");
  const double speed = static_cast<double>(tokens.size()) / seconds;
  session.note(fmt::format("{} prompt tokens, {} new ones, {:.1f} tokens/s, seed {}", prompt.size(), tokens.size(),
                           speed, command.options.seed));
  session.print_json({{"prompt", command.prompt},
                      {"text", tokenizer.decode(tokens)},
                      {"prompt_tokens", prompt},
                      {"tokens", tokens},
                      {"seed", command.options.seed},
                      {"device", command.device},
                      {"elapsed_seconds", seconds},
                      {"tokens_per_second", speed}});
}

}  // namespace

void add_generate(Application& app) {
  auto& command = app.command("Look", "generate", "Generate text from a model");
  auto options = std::make_shared<GenerateCommand>();
  command.add_option("model", options->model, "model folder or hub id")->required()->type_name("MODEL");
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
  add_device_option(command, options->device);
  command.footer(
      "Example: lacuna generate examples/tiny-llama --prompt \"Once upon a time\" --seed 1\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_generate(session, *options); });
}

}  // namespace lacuna::cli
