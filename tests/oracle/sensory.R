# Sensory studies and field trials of lmerTest, pbkrtest and mlmRev: tests of all kinds.
# Run from this folder:  Rscript sensory.R   Results only; the data are in ../data (sensory_data.R).
# Kenward-Roger on ScotsSec takes minutes and is in sensory_kr.R.
suppressMessages({library(lmerTest); library(pbkrtest); library(jsonlite)})
source("sensory_data.R")
MODELS <- list(
  carrots_slope = list("carrots", "Preference ~ sens2 + Homesize + (1 + sens2 | Consumer)"),
  carrots_slopes = list("carrots", "Preference ~ sens1 + sens2 + Homesize + (1 + sens1 + sens2 | Consumer)"),
  carrots_product = list("carrots", "Preference ~ Product * Homesize + (1 | Consumer)"),
  ham_simple = list("ham", "Informed.liking ~ Product*Information + (1|Consumer)"),
  ham = list("ham", "Informed.liking ~ Product*Information + (1|Consumer) + (1|Product:Consumer)"),
  ham_big = list("ham", "Informed.liking ~ Product*Information*Gender*Age + (1|Consumer) + (1|Consumer:Product) + (1|Consumer:Information)"),
  tvbo_colour = list("TVbo", "Coloursaturation ~ TVset + Picture + (1|Assessor:TVset) + (1|Assessor)"),
  tvbo_sharpness = list("TVbo", "Sharpnessofmovement ~ TVset*Picture + (1|Assessor) + (1|Assessor:TVset) + (1|Assessor:Picture)"),
  tvbo_noise = list("TVbo", "Noise ~ TVset*Picture + (1|Assessor) + (1|Assessor:TVset) + (1|Assessor:Picture)"),
  beets_sugpct = list("beets", "sugpct ~ block + sow + harvest + (1|block:harvest)"),
  beets_yield = list("beets", "yield ~ block + sow + harvest + (1|block:harvest)"),
  scots = list("ScotsSec", "attain ~ verbal*sex + (1|primary) + (1|second)"))
num <- function(x) unname(as.numeric(x))
quiet <- function(x) suppressMessages(suppressWarnings(x))
tests <- function(m, ddf) {
  s <- coef(quiet(summary(m, ddf = ddf)))
  types <- lapply(c("3", "2", "1"), function(type) {
    a <- quiet(anova(m, type = type, ddf = ddf))
    list(term = rownames(a), sum_sq = num(a$`Sum Sq`), num_df = num(a$NumDF), den_df = num(a$DenDF),
         f_value = num(a$`F value`), p_value = num(a$`Pr(>F)`))
  })
  names(types) <- c("3", "2", "1")
  list(std_error = num(s[, 2]), df = num(s[, 3]), statistic = num(s[, 4]), p_value = num(s[, 5]), anova = types)
}
dropped <- function(m, without) {
  k <- quiet(KRmodcomp(m, update(m, as.formula(paste(". ~ . -", without)))))$test["Ftest", ]
  list(num_df = k$ndf, den_df = k$ddf, f_value = k$stat, scaling = k$F.scaling, p_value = k$p.value)
}
answer <- function(spec) {
  data <- sensory(spec[[1]])
  m <- quiet(lmer(as.formula(spec[[2]]), data, control = TIGHT))
  r <- quiet(ranova(m))
  v <- as.data.frame(VarCorr(m))
  out <- list(data = spec[[1]], formula = spec[[2]], singular = isSingular(m), names = names(fixef(m)),
              fixef = num(fixef(m)), sdcor = num(v$sdcor), criterion = num(REMLcrit(m)),
              satterthwaite = tests(m, "Satterthwaite"),
              ranova = list(term = rownames(r), n_par = num(r$npar), loglik = num(r$logLik), aic = num(r$AIC),
                            chisq = num(r$LRT), df = num(r$Df), p_value = num(r$`Pr(>Chisq)`)))
  if (spec[[1]] != "ScotsSec") out$kenward_roger <- tests(m, "Kenward-Roger")
  if (spec[[1]] == "beets") out$krmodcomp <- list(sow = dropped(m, "sow"), harvest = dropped(m, "harvest"))
  out
}
write(toJSON(lapply(MODELS, answer), digits = 12, auto_unbox = TRUE, na = "null"), "sensory.json")
