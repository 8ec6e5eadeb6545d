# The generalised models that glmm.R freezes.  Sourced by it.
suppressMessages({library(lme4); library(glmmTMB); library(jsonlite); library(numDeriv)})
DATA <- Sys.getenv("NESTWISE_DATA", "../../../shared/data")
SCHEMA <- fromJSON(file.path(DATA, "schema.json"), simplifyVector = FALSE)
rd <- function(name) {
  local <- file.path("../data", paste0(name, ".csv.gz"))
  if (file.exists(local)) return(read.csv(local, stringsAsFactors = TRUE))
  spec <- SCHEMA[[name]]
  d <- read.csv(file.path(DATA, spec$file), check.names = FALSE,
                colClasses = sapply(spec$columns, function(k) if (k$type == "factor") "character" else NA))
  for (v in names(spec$columns)) {
    k <- spec$columns[[v]]
    if (k$type == "factor") d[[v]] <- factor(d[[v]], levels = unlist(k$levels), ordered = isTRUE(k$ordered))
  }
  if (name == "cbpp") d$obs <- seq_len(nrow(d))
  d
}
# name = list(data, formula, family, link, nagq = , weights = , engines = "glmer", "nb", "tmb")
B <- "binomial"
MODELS <- list(
  cbpp = list("cbpp", "cbind(incidence, size - incidence) ~ period + (1 | herd)", B, "logit"),
  cbpp_proportion = list("cbpp", "incidence/size ~ period + (1 | herd)", B, "logit", weights = "size"),
  cbpp_agq9 = list("cbpp", "cbind(incidence, size - incidence) ~ period + (1 | herd)", B, "logit", nagq = 9),
  cbpp_agq25 = list("cbpp", "cbind(incidence, size - incidence) ~ period + (1 | herd)", B, "logit", nagq = 25),
  cbpp_obs = list("cbpp", "cbind(incidence, size - incidence) ~ period + (1 | herd) + (1 | obs)", B, "logit"),
  verbagg = list("VerbAgg", "r2 ~ Anger + Gender + btype + situ + (1 | id) + (1 | item)", B, "logit"),
  bacteria = list("bacteria", "y ~ trt + I(week > 2) + (1 | ID)", B, "logit"),
  bacteria_agq10 = list("bacteria", "y ~ trt + I(week > 2) + (1 | ID)", B, "logit", nagq = 10),
  contraception = list("Contraception", "use ~ age + I(age^2) + urban + livch + (1 | district)", B, "logit"),
  contraception_slope = list("Contraception", "use ~ age + I(age^2) + urban + livch + (urban | district)", B, "logit"),
  contraception_nested = list("Contraception", "use ~ age + I(age^2) + urban + livch + (1 | district/urban)", B, "logit"),
  contraception_agq7 = list("Contraception", "use ~ age + I(age^2) + urban + livch + (1 | district)", B, "logit", nagq = 7),
  grouseticks = list("grouseticks", "TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION)", "poisson", "log"),
  grouseticks_nb = list("grouseticks", "TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | LOCATION)", "negative_binomial", "log"),
  epil = list("epil", "y ~ log(base)*trt + log(age) + V4 + (1 | subject)", "poisson", "log"),
  epil_slope = list("epil", "y ~ log(base)*trt + log(age) + I(period/10) + (I(period/10) | subject)", "poisson", "log"),
  epil_agq15 = list("epil", "y ~ log(base)*trt + log(age) + V4 + (1 | subject)", "poisson", "log", nagq = 15),
  epil_nb = list("epil", "y ~ log(base)*trt + log(age) + V4 + (1 | subject)", "negative_binomial", "log"),
  budworm = list("budworm", "cbind(dead, 20 - dead) ~ sex*dose + (1 | obs)", B, "logit"),
  defenders = list("defenders", "eaten ~ defence + (1 | block)", B, "logit"),
  defenders_agq20 = list("defenders", "eaten ~ defence + (1 | block)", B, "logit", nagq = 20),
  bern_slope = list("families", "bern ~ x + z + (x | g)", B, "logit"),
  bern_diagonal = list("families", "bern ~ x + z + (x || g)", B, "logit"),
  bern_crossed = list("families", "bern ~ x + z + (1 | g) + (1 | h)", B, "logit"),
  probit = list("families", "prob ~ x + z + (1 | g)", B, "probit"),
  probit_agq11 = list("families", "prob ~ x + z + (1 | g)", B, "probit", nagq = 11),
  probit_slope = list("families", "prob ~ x + z + (x | g)", B, "probit"),
  cloglog = list("families", "cll ~ x + z + (1 | g)", B, "cloglog"),
  cloglog_binomial = list("families", "cbind(succ, size - succ) ~ x + z + (1 | g)", B, "cloglog"),
  cauchit = list("families", "prob ~ x + z + (1 | g)", B, "cauchit", engines = "glmer"),
  log_binomial = list("families", "cbind(succ, 4 * size - succ) ~ x + (1 | g)", B, "log", engines = "glmer"),
  poisson_offset = list("families", "count ~ x + z + offset(log(exposure)) + (1 | g) + (1 | h)", "poisson", "log"),
  poisson_weights = list("families", "count ~ x + z + (1 | g)", "poisson", "log", weights = "w"),
  poisson_sqrt = list("families", "count ~ x + z + (1 | g)", "poisson", "sqrt", engines = "glmer"),
  nb = list("families", "nb ~ x + z + (1 | g)", "negative_binomial", "log"),
  nb_crossed = list("families", "nb ~ x + z + (x | g) + (1 | h)", "negative_binomial", "log", engines = "tmb"),
  gamma_log = list("families", "gam ~ x + z + (1 | g)", "Gamma", "log", engines = "tmb"),
  gamma_crossed = list("families", "gam ~ x + z + (1 | g) + (1 | h)", "Gamma", "log", engines = "tmb"),
  gamma_inverse = list("families", "gam ~ z + (1 | h)", "Gamma", "inverse", engines = "tmb"),
  gaussian_log = list("families", "I(pos + 1) ~ x + z + (1 | g)", "gaussian", "log", engines = "tmb"),
  beta = list("families", "beta ~ x + z + (1 | g)", "beta", "logit", engines = "tmb"),
  beta_slope = list("families", "beta ~ x + z + (x | g)", "beta", "logit", engines = "tmb"),
  beta_probit = list("families", "beta ~ x + z + (1 | g)", "beta", "probit", engines = "tmb"),
  beta_binomial = list("families", "cbind(bb, size - bb) ~ x + z + (1 | g)", "beta_binomial", "logit", engines = "tmb"))
