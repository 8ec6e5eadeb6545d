# ranova, drop1 and step of lmerTest.  Run from this folder:  Rscript ranova.R   Results only.
suppressMessages({library(lmerTest); library(jsonlite)})
source("models.R")
lmer <- lmerTest::lmer
CASES <- list(
  slope = list("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
  slope_ml = list("sleepstudy", "Reaction ~ Days + (Days | Subject)", reml = FALSE),
  bars = list("sleepstudy", "Reaction ~ Days + (Days || Subject)"),
  intercept = list("sleepstudy", "Reaction ~ Days + (1 | Subject)"),
  intercept_ml = list("sleepstudy", "Reaction ~ Days + (1 | Subject)", reml = FALSE),
  quadratic = list("sleepstudy", "Reaction ~ Days + (Days + I(Days^2) | Subject)"),
  machines = list("Machines", "score ~ Machine + (Machine | Worker)"),
  machines_full = list("Machines", "score ~ Machine + (0 + Machine | Worker)"),
  machines_nested = list("Machines", "score ~ Machine + (1 | Worker/Machine)"),
  pixel = list("Pixel", "pixel ~ day + I(day^2) + (day | Dog) + (1 | Side:Dog)"),
  cake = list("cake", "angle ~ recipe * temp + (1 | recipe:replicate)"),
  orthodont = list("Orthodont", "distance ~ age * Sex + (age | Subject)"),
  oats = list("Oats", "yield ~ Variety + nitro + (1 | Block/Variety)"))
num <- function(x) unname(as.numeric(x))
answer <- function(spec) {
  data <- rd(spec[[1]])
  m <- suppressMessages(suppressWarnings(
    lmer(as.formula(spec[[2]]), data, REML = !identical(spec$reml, FALSE), control = TIGHT)))
  r <- suppressMessages(suppressWarnings(ranova(m)))
  d <- suppressMessages(suppressWarnings(drop1(m)))
  list(data = spec[[1]], formula = spec[[2]], reml = !identical(spec$reml, FALSE),
       ranova = list(term = rownames(r), n_par = num(r$npar), loglik = num(r$logLik), aic = num(r$AIC),
                     chisq = num(r$LRT), df = num(r$Df), p_value = num(r$`Pr(>Chisq)`)),
       drop1 = list(term = rownames(d), sum_sq = num(d$`Sum Sq`), num_df = num(d$NumDF), den_df = num(d$DenDF),
                    f_value = num(d$`F value`), p_value = num(d$`Pr(>F)`)))
}
steps <- lapply(list(
  cake = list("cake", "angle ~ recipe * temp + (temp | recipe:replicate)"),
  sleepstudy = list("sleepstudy", "Reaction ~ Days + I(Days^2) + (Days | Subject)"),
  orthodont = list("Orthodont", "distance ~ age * Sex + (age | Subject)")), function(s) {
    assign("data", rd(s[[1]]), globalenv())
    m <- suppressMessages(suppressWarnings(
      eval(substitute(lmer(F, data, control = TIGHT), list(F = as.formula(s[[2]]))))))
    found <- suppressMessages(suppressWarnings(get_model(step(m))))
    list(data = s[[1]], formula = s[[2]], found = Reduce(paste, deparse(formula(found))),
         fixef = num(fixef(found)), loglik = num(logLik(found)))
  })
write(toJSON(list(models = lapply(CASES, answer), steps = steps), digits = 12, auto_unbox = TRUE,
             na = "null"), "ranova.json")
